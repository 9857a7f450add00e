/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads that cancel: each acts once in a trial, when it is told to. */
#include "scenario.h"

static void *scenario_run_actor(void *argument) {
    struct scenario_actor *actor = argument;
    scenario_started(NULL);
    (void)pthread_mutex_lock(&actor->lock);
    while (!actor->end) {
        if (!actor->go) {
            (void)pthread_cond_wait(&actor->told, &actor->lock);
            continue;
        }
        actor->go = false;
        (void)pthread_mutex_unlock(&actor->lock);
        atomic_store(&actor->acting, true);
        actor->from = sp_now();
        scenario.plan->act(actor->index);
        actor->to = sp_now();
        atomic_store(&actor->returned, true);
        (void)pthread_mutex_lock(&actor->lock);
    }
    (void)pthread_mutex_unlock(&actor->lock);
    return NULL;
}

int scenario_hire(int index) {
    struct scenario_actor *actor = &scenario.actor[index];
    actor->index = index;
    (void)pthread_mutex_init(&actor->lock, NULL);
    (void)pthread_cond_init(&actor->told, NULL);
    return blockif_thread(&actor->thread, scenario_run_actor, actor, &scenario.watch);
}

static void scenario_tell(struct scenario_actor *actor, bool *what) {
    (void)pthread_mutex_lock(&actor->lock);
    *what = true;
    (void)pthread_cond_signal(&actor->told);
    (void)pthread_mutex_unlock(&actor->lock);
}

void scenario_begin_act(void) {
    for (int i = 0; i < scenario.plan->actors; i++) {
        atomic_store(&scenario.actor[i].acting, false);
        atomic_store(&scenario.actor[i].returned, false);
    }
    for (int i = 0; i < scenario.plan->actors; i++)
        scenario_tell(&scenario.actor[i], &scenario.actor[i].go);
}

void scenario_dismiss(int index) {
    scenario_tell(&scenario.actor[index], &scenario.actor[index].end);
    (void)pthread_join(scenario.actor[index].thread, NULL);
}

bool scenario_all_returned(void) {
    bool all = true;
    for (int i = 0; i < scenario.plan->actors; i++)
        all &= atomic_load(&scenario.actor[i].returned);
    return all;
}

bool scenario_all_acting(void) {
    bool all = true;
    for (int i = 0; i < scenario.plan->actors; i++)
        all &= atomic_load(&scenario.actor[i].acting);
    return all;
}
