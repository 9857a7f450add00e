/* SPDX-License-Identifier: BSD-2-Clause */
/* The three timings: bring the target into its situation, then send. */
#include "trial.h"

void trial_grant(struct trial_actor *actor) {
    atomic_fetch_add_explicit(&actor->turn, 1, memory_order_release);
}

uint64_t trial_turn_of(const struct trial_actor *actor) {
    return atomic_load_explicit(&actor->turn, memory_order_relaxed);
}

static void trial_send(struct sp_sandbox *s, struct trial *t) {
    struct sp_aim aim = {t->actor[SP_TARGET].thread, t->c.signal};
    atomic_store(&s->shared->sent, 1);
    t->sent_ns = sp_now();
    atomic_store(&t->send_error, t->c.sender->send(&aim));
}

static bool trial_send_asleep(struct sp_sandbox *s, struct trial *t,
                              const struct trial_counts *before) {
    (void)before;
    trial_grant(&t->actor[SP_TARGET]);
    trial_await_place(s, &t->actor[SP_TARGET]);
    bool asleep = !trial_returned(&t->actor[SP_TARGET]); /* no call that ended by itself */
    atomic_store(&s->shared->reached, asleep);
    trial_send(s, t);
    return asleep;
}

/* The handler has run, or nothing is left that could make it run. */
static void trial_await_delivery(struct sp_sandbox *s, struct trial *t,
                                 const struct trial_counts *before) {
    struct sp_patience patience = trial_patience(&t->actor[SP_TARGET]);
    uint64_t until = sp_now() + t->settle_ns;
    while (!trial_handler_done(t, before)) {
        sp_wait(s, &patience, "waiting until the signal is delivered before the entry");
        if (t->method != SP_OBSERVED && sp_now() >= until)
            return;
    }
}

static bool trial_send_before(struct sp_sandbox *s, struct trial *t,
                              const struct trial_counts *before) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t turn = trial_turn_of(target) + 1;
    struct sp_patience patience = trial_patience(target);
    atomic_store(&s->shared->reached, 1);
    if (t->c.sender->by_target) {
        atomic_store(&s->shared->sent, 1);
        t->sent_ns = sp_now(); /* at the earliest; the settle time is drawn from it */
    }
    trial_grant(target);
    while (atomic_load(&t->gates.at_gate) != turn)
        sp_wait(s, &patience, "waiting until the target stands before the call");
    if (!t->c.sender->by_target)
        trial_send(s, t);
    atomic_store(&t->gates.sent, turn);
    while (atomic_load(&t->gates.settled) != turn)
        sp_wait(s, &patience, "waiting until the target has made a system call");
    trial_await_delivery(s, t, before);
    bool awaited = t->c.mask != SP_BLOCKED && t->c.disposition >= SP_HANDLER;
    bool reached = !awaited || trial_runs_since(t, before);
    atomic_store(&t->gates.open, turn);
    return reached;
}

static bool trial_on_time(uint64_t planned, uint64_t actual, int64_t tolerance) {
    return actual >= planned && actual - planned <= (uint64_t)tolerance;
}

/* Reached when both were there at the start and each kept to its plan. Only a target whose handler
 * ran on the way may enter late: the handler took that time, and to drop it would drop the very
 * trials in which the signal came first. */
static bool trial_swept(const struct trial *t, const struct trial_counts *before,
                        int64_t tolerance) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t start = atomic_load(&t->gates.start);
    uint64_t ahead = t->offset_ns > 0 ? (uint64_t)t->offset_ns : 0;
    uint64_t behind = t->offset_ns < 0 ? (uint64_t)-t->offset_ns : 0;
    return target->left_ns <= start && trial_on_time(start + behind, t->sent_ns, tolerance) &&
           (target->runs_at_entry != before->target ||
            trial_on_time(start + ahead, target->entered_ns, tolerance));
}

static bool trial_send_swept(struct sp_sandbox *s, struct trial *t,
                             const struct trial_counts *before) {
    enum { HEAD_START_NS = 2000 };
    struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t turn = trial_turn_of(target) + 1;
    struct sp_patience patience = trial_patience(target);
    trial_grant(target);
    while (atomic_load(&t->gates.at_gate) != turn)
        sp_wait(s, &patience, "waiting until the target stands before the call");
    uint64_t start = sp_now() + HEAD_START_NS;
    atomic_store(&t->gates.start, start);
    atomic_store(&t->gates.open, turn);
    trial_spin_until(start + (t->offset_ns < 0 ? (uint64_t)-t->offset_ns : 0));
    trial_send(s, t);
    while (!trial_entered(target) && !trial_returned(target))
        sp_wait(s, &patience, "waiting until the target has entered the call");
    return trial_swept(t, before, s->result->sweep_step_ns);
}

static bool (*const trial_senders[SP_TIMINGS])(struct sp_sandbox *, struct trial *,
                                               const struct trial_counts *) = {
    trial_send_asleep, trial_send_before, trial_send_swept};

bool trial_send_in_time(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before) {
    return trial_senders[t->c.timing](s, t, before);
}
