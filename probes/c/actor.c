/* SPDX-License-Identifier: BSD-2-Clause */
/* What runs in the threads of target, bystander and watcher. */
#include "trial.h"

#include <string.h>
#include <unistd.h>

struct trial trial_state;

/* ------------------------------------------------------------------ handlers */

static struct trial_actor *trial_self(void) {
    pthread_t self = pthread_self();
    for (int i = 0; i < 2; i++)
        if (pthread_equal(self, trial_state.actor[i].thread))
            return &trial_state.actor[i];
    return NULL;
}

void trial_handler(int signal) {
    int saved = errno;
    (void)signal;
    struct trial_actor *actor = trial_self();
    atomic_fetch_add(actor ? &actor->runs : &trial_state.other_runs, 1);
    errno = saved;
}

void trial_rescue_handler(int signal) {
    int saved = errno;
    (void)signal;
    struct trial_actor *actor = trial_self();
    if (actor)
        atomic_fetch_add(&actor->rescues, 1);
    errno = saved;
}

int trial_install(int signal, void (*handler)(int), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    (void)sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL);
}

void trial_dispose(const struct sp_case *c) {
    switch (c->disposition) {
    case SP_DEFAULT:
        (void)trial_install(c->signal, SIG_DFL, 0);
        break;
    case SP_IGNORE:
        (void)trial_install(c->signal, SIG_IGN, 0);
        break;
    case SP_HANDLER:
        (void)trial_install(c->signal, trial_handler, 0);
        break;
    default:
        (void)trial_install(c->signal, trial_handler, SA_RESTART);
        break;
    }
}

/* ------------------------------------------------------------------ target and bystander */

static void trial_await(const _Atomic uint64_t *value, uint64_t least) {
    struct sp_patience patience = {.awaited_cpu = &trial_state.leader_cpu};
    while (atomic_load_explicit(value, memory_order_acquire) < least)
        sp_relax(&patience);
}

/* Timing before: stand still in user mode until the signal has been sent, then make one system
 * call. Whatever can be delivered to this thread is delivered on the way out of it, on every
 * kernel. */
static void trial_stand(struct trial *t, struct trial_actor *actor, uint64_t turn) {
    atomic_store(&t->gates.at_gate, turn);
    if (t->c.sender->by_target) {
        struct sp_aim aim = {actor->thread, t->c.signal};
        atomic_store(&t->send_error, t->c.sender->send(&aim));
    }
    trial_await(&t->gates.sent, turn);
    (void)getppid();
    atomic_store(&t->gates.settled, turn);
    trial_await(&t->gates.open, turn);
}

void trial_spin_until(uint64_t clock) {
    while (sp_now() < clock)
        continue;
}

/* Timing sweep: leave together with the sender, then enter after the offset's share. */
static void trial_leave_together(struct trial *t, struct trial_actor *actor, uint64_t turn) {
    atomic_store(&t->gates.at_gate, turn);
    trial_await(&t->gates.open, turn);
    uint64_t start = atomic_load(&t->gates.start);
    actor->left_ns = sp_now();
    trial_spin_until(start + (t->offset_ns > 0 ? (uint64_t)t->offset_ns : 0));
}

static void trial_approach(struct trial *t, struct trial_actor *actor, uint64_t turn) {
    if (actor->object.index != 0)
        return;
    int approach = atomic_load(&t->approach);
    if (approach == SP_BEFORE)
        trial_stand(t, actor, turn);
    else if (approach == SP_SWEEP)
        trial_leave_together(t, actor, turn);
}

static void trial_turn(struct trial *t, struct trial_actor *actor, uint64_t turn) {
    const struct sp_call *call =
        t->c.call; /* the controller may write t->c once this has entered */
    (void)pthread_sigmask(SIG_SETMASK, &actor->mask, NULL);
    trial_approach(t, actor, turn);
    atomic_store_explicit(&actor->cpu, sp_cpu(), memory_order_relaxed);
    actor->rescues_at_entry = atomic_load(&actor->rescues);
    actor->entered_ns = sp_now();
    actor->runs_at_entry = atomic_load(&actor->runs);
    atomic_store_explicit(&actor->entries, turn, memory_order_release);
    actor->result = call->enter(&actor->object);
    actor->error = errno;
    actor->ticket = sp_ticket();
    actor->returned_ns = sp_now();
    actor->runs_at_return = atomic_load(&actor->runs);
    actor->rescues_at_return = atomic_load(&actor->rescues);
    atomic_store_explicit(&actor->returns, turn, memory_order_release);
}

void *trial_actor_main(void *argument) {
    struct trial_actor *actor = argument;
    int error = sp_reader()->sit(&actor->seat);
    /* A wake-up likes to pull the sleeper to the sender's processor, and then nothing overlaps. */
    if (trial_state.sweeps && actor->object.index == SP_TARGET)
        sp_pin(1);
    atomic_store(&actor->seated, error ? -error : 1);
    for (uint64_t turn = 1;; turn++) {
        atomic_store_explicit(&actor->cpu, sp_cpu(), memory_order_relaxed);
        trial_await(&actor->turn, turn);
        trial_turn(&trial_state, actor, turn);
    }
    return NULL;
}

/* ------------------------------------------------------------------ watcher */

void sp_sighted(struct sp_watch *watch) {
    uint64_t none = 0;
    uint64_t ticket = sp_ticket();
    (void)atomic_compare_exchange_strong(&watch->ticket, &none, ticket);
    atomic_fetch_add(&watch->sighted, 1);
}

void sp_answered(struct sp_watch *watch) {
    atomic_fetch_add(&watch->answered, 1);
}

void *trial_watcher_main(void *argument) {
    struct trial *t = argument;
    int error = t->c.watcher->open(&t->watch);
    atomic_store(&t->watching, error ? -error : 1);
    while (!error)
        t->c.watcher->wait(&t->watch);
    return NULL;
}
