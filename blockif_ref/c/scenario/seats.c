/* SPDX-License-Identifier: BSD-2-Clause */
/* Watching the threads: where each is, by the kernel's word, and whether anything still moves. */
#include "scenario.h"

#include "../kick_signal.h"

#include <string.h>
#include <unistd.h>

static _Thread_local int scenario_own_seat = -1;

void scenario_started(struct blockif_watch *watch) {
    (void)watch;
    int index = atomic_fetch_add(&scenario.seats, 1);
    if (index < SCENARIO_SEATS && sp_reader()->sit(&scenario.seat[index].seat) == 0) {
        scenario_own_seat = index;
        atomic_store(&scenario.seat[index].ready, true);
    }
}

void scenario_leaving(struct blockif_watch *watch) {
    (void)watch;
    if (scenario_own_seat >= 0)
        atomic_store(&scenario.seat[scenario_own_seat].leaving, true);
}

/* Gives up the seats from `first` on, whose threads have ended. */
void scenario_clear_seats(int first) {
    int last = atomic_load(&scenario.seats);
    for (int i = first; i < last && i < SCENARIO_SEATS; i++) {
        sp_reader()->leave(&scenario.seat[i].seat);
        atomic_store(&scenario.seat[i].ready, false);
        atomic_store(&scenario.seat[i].leaving, false);
    }
    atomic_store(&scenario.seats, first);
    atomic_store(&scenario.watch.created, first);
}

bool scenario_all_seated(void) {
    int seated = 0;
    for (int i = 0; i < SCENARIO_SEATS; i++)
        seated += atomic_load(&scenario.seat[i].ready);
    return seated == atomic_load(&scenario.watch.created);
}

void scenario_claimed(struct blockif_worker *worker) {
    bool first = worker->element->request == &scenario.entry[0].request;
    if (first && atomic_load(&scenario.gate)) {
        struct sp_patience patience = {0};
        atomic_store(&scenario.at_gate, true);
        while (atomic_load(&scenario.gate))
            sp_relax(&patience);
        (void)getppid(); /* what has been sent is delivered on the way out of this, at the latest */
        atomic_store(&scenario.at_gate, false);
    }
    atomic_fetch_add(&scenario.claims, 1);
}

bool scenario_rests(int index) {
    struct scenario_seat *seat = &scenario.seat[index];
    if (!atomic_load(&seat->ready))
        return false;
    enum sp_state state = sp_reader()->look(&seat->seat, NULL);
    return state == SP_STATE_ASLEEP || (state == SP_STATE_UNKNOWN && atomic_load(&seat->leaving));
}

static uint64_t scenario_handled(void) {
    uint64_t handled = kick_signal_strays();
    for (int i = 0; scenario.disk && i < scenario.disk->workers; i++)
        handled += atomic_load(&scenario.disk->worker[i].handled);
    return handled;
}

struct scenario_pulse scenario_pulse(void) {
    struct scenario_pulse pulse;
    memset(&pulse, 0, sizeof pulse);
    pulse.kicks = scenario.disk ? blockif_kicks(scenario.disk) : 0;
    pulse.handled = scenario_handled();
    pulse.claims = atomic_load(&scenario.claims);
    for (int i = 0; i < scenario.plan->requests; i++)
        pulse.calls += (uint64_t)atomic_load(&scenario.entry[i].calls);
    for (int i = 0; i < scenario.plan->actors; i++)
        pulse.returned += atomic_load(&scenario.actor[i].returned);
    return pulse;
}

static bool scenario_same(const struct scenario_pulse *a, const struct scenario_pulse *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

bool scenario_nothing_pending(void) {
    int signal = scenario.kick->signal;
    for (int i = 0; signal && i < atomic_load(&scenario.seats); i++)
        if (sp_reader()->pending(&scenario.seat[i].seat, signal) == 1)
            return false;
    return true;
}

/* Everybody from a seat on: the actors have the first ones. */
bool scenario_rest_from(int first) {
    for (int i = first; i < atomic_load(&scenario.seats); i++)
        if (!scenario_rests(i))
            return false;
    return !scenario.kick->rests || scenario.kick->rests();
}

/* Nothing has moved for the settling time: all that can be said where no state is shown. */
bool scenario_settled(const struct scenario_pulse *before) {
    struct sp_patience patience = {0};
    uint64_t until = sp_now() + scenario.settle_ns;
    struct scenario_pulse now = *before;
    while (sp_now() < until && scenario_same(before, &now)) {
        sp_wait(scenario.sandbox, &patience, "settling");
        now = scenario_pulse();
    }
    return scenario_same(before, &now);
}

bool scenario_at_rest(void) {
    struct scenario_pulse before = scenario_pulse();
    if (atomic_load(&scenario.at_gate) ||
        atomic_load(&scenario.seats) != atomic_load(&scenario.watch.created))
        return false;
    if (scenario.method == SP_SETTLED)
        return scenario_settled(&before);
    for (int i = 0; i < SCENARIO_CLEAN_LOOKS; i++)
        if (!scenario_rest_from(0))
            return false;
    bool none = scenario_nothing_pending() && scenario_rest_from(0);
    struct scenario_pulse after = scenario_pulse();
    return none && scenario_same(&before, &after);
}
