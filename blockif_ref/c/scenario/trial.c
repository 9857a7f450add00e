/* SPDX-License-Identifier: BSD-2-Clause */
/* A trial brings the disk into a situation, lets actors cancel, and looks until they have returned
 * or nothing in the process can move any more: every thread asleep, nothing deliverable pending for
 * any. Only then is the device released, so a cancel that returns afterwards did not return by its
 * own doing, and one that even then does not return hangs for ever. */
#include "scenario.h"

#include "../kick_signal.h"
#include "text.h"

struct scenario_state scenario;

void scenario_await(bool (*there)(void), const char *what) {
    struct sp_patience patience = {0};
    while (!there())
        sp_wait(scenario.sandbox, &patience, what);
    sp_beat(scenario.sandbox);
}

/* Every actor waits for something, or has kicked more than once: the first kick is under way no
 * more, and what it does to a worker outside its call it has done. */
static bool scenario_landed(void) {
    bool kicked = scenario.disk && blockif_kicks(scenario.disk) > scenario.kicks_before + 1;
    if (scenario.method == SP_SETTLED) {
        struct scenario_pulse now = scenario_pulse();
        return kicked || scenario_settled(&now);
    }
    bool waits = scenario_all_acting();
    for (int i = 0; i < scenario.plan->actors; i++)
        waits = waits && scenario_rests(i);
    return (kicked || waits) && scenario_nothing_pending();
}

/* All but the actors, who go on kicking; where no state is shown, the kicks' number must do. */
static bool scenario_workers_rest(void) {
    bool shown = scenario.method == SP_OBSERVED;
    return !shown || (scenario_rest_from(scenario.plan->actors) && scenario_nothing_pending());
}

/* Until the actors have returned (true), or it is plain that by themselves they never will. */
static bool scenario_observe(const char *what, struct scenario_pulse from) {
    struct sp_patience patience = {0};
    struct scenario_pulse last = from;
    while (!scenario_all_returned()) {
        struct scenario_pulse now = scenario_pulse();
        bool moved = now.calls != last.calls || now.claims != last.claims;
        bool vain = now.kicks - last.kicks >= SCENARIO_VAIN_KICKS && scenario_workers_rest();
        bool paced = scenario.kick->clocked && now.kicks != from.kicks;
        if (moved)
            last = now;
        else if (vain || (!paced && scenario_all_acting() && scenario_at_rest()))
            return scenario_all_returned();
        sp_wait(scenario.sandbox, &patience, what);
    }
    return true;
}

/* The event that stock bhyve's canceller waits for, made by hand so that the sandbox can go on. */
static bool scenario_rescued(void) {
    if (scenario.disk)
        blockif_acknowledge(scenario.disk);
    return scenario_all_returned();
}

/* The guest resets its port: afterwards it must be as good as new. */
static void scenario_revive_port(void) {
    ahci_port_start(&scenario.port);
    scenario_prepare(0);
    scenario.entry[0].request.operation = BLOCKIF_READ;
    scenario.entry[0].request.count = 1;
    scenario.entry[0].request.length = SCENARIO_BYTES;
    int failed = scenario_issue(0);
    if (!failed) {
        scenario_await(scenario_all_answered, "waiting for the port to come back");
        failed = atomic_load(&scenario.entry[0].error);
    }
    if (failed)
        scenario_break("the port did not come back", failed);
}

/* Whoever is still to be called back has been, afterwards. */
static void scenario_await_idle(void) {
    scenario_await(scenario_is_vacant, "waiting for the disk to be idle");
}

static void scenario_leave_as_found(void) {
    if (scenario.plan->closes) {
        scenario_clear_seats(scenario.plan->actors);
        int failed = scenario_open_disk();
        if (failed)
            scenario_break("the disk could not be opened again", failed);
        return;
    }
    if (scenario.plan->port)
        scenario_revive_port();
    scenario_await_idle();
}

/* What the trial saw, beside what became of each request. */
struct scenario_sight {
    bool stuck; /* cancel had not returned, and could not, when the device was released */
    bool hung;  /* nor when the I/O had ended */
    struct scenario_pulse from, to;
    uint64_t strays;
};

static void scenario_set_up(void) {
    atomic_store(&scenario.claims, 0);
    atomic_store(&scenario.at_gate, false);
    atomic_store(&scenario.gate, scenario.plan->gated);
    scenario.broken = false;
    scenario.opened_ns = 0;
    if (scenario.plan->held)
        scenario_hold(true);
    scenario_submit();
    scenario_await(scenario.plan->ready, "bringing about the situation");
    scenario.sandbox->result->reached++;
}

static void scenario_watch_act(struct scenario_sight *sight) {
    const struct scenario_plan *plan = scenario.plan;
    uint64_t strays = kick_signal_strays();
    if (plan->closes) {
        scenario.closing = scenario.disk;
        scenario.disk = NULL;
    }
    sight->from = scenario_pulse();
    scenario.kicks_before = sight->from.kicks;
    scenario_begin_act();
    if (plan->gated && plan->held) {
        scenario_await(scenario_landed, "waiting for the kick to land");
        scenario.opened_ns = sp_now();
        atomic_store(&scenario.gate, false);
    }
    sight->stuck = !scenario_observe("waiting for cancel to return", sight->from);
    atomic_store(&scenario.gate, false);
    sight->to = scenario_pulse();
    sight->strays = kick_signal_strays() - strays;
}

/* A disk that has closed in spite of its device being held has taken the device with it. */
static void scenario_release(struct scenario_sight *sight) {
    if (scenario.plan->held && (!scenario.plan->closes || sight->stuck))
        scenario_hold(false);
    scenario_await(scenario_all_answered, "waiting for the I/O to end");
    sight->hung = !scenario_observe("waiting for cancel to return after the I/O", scenario_pulse());
    if (sight->hung)
        scenario_await(scenario_rescued, "rescuing a hung cancel");
}

static void scenario_count(const struct scenario_sight *sight) {
    struct sp_result *result = scenario.sandbox->result;
    uint64_t handled = sight->to.handled - sight->from.handled;
    result->kicks += sight->to.kicks - sight->from.kicks;
    result->handler[SP_TARGET] += handled - sight->strays;
    result->handler[SP_OTHER] += sight->strays;
    if (!scenario.plan->closes)
        scenario_await_idle();
    scenario_check_answers();
    enum sp_outcome outcome = scenario_sum_up(sight->stuck, sight->hung, handled > 0);
    if (outcome == SP_CANCELLED)
        scenario_count_latency();
    if (outcome == SP_CANCELLED && sight->stuck)
        result->late++;
    if (outcome == SP_HUNG)
        sp_text(result->note, SP_TEXT_SIZE, "cancel had not even returned when the I/O had ended");
    scenario_leave_as_found();
    sp_record(scenario.sandbox, scenario.broken ? SP_AMBIGUOUS : outcome);
}

void scenario_trial(struct sp_sandbox *sandbox) {
    struct scenario_sight sight = {0};
    scenario.sandbox = sandbox;
    scenario_set_up();
    scenario_watch_act(&sight);
    scenario_release(&sight);
    scenario_count(&sight);
}
