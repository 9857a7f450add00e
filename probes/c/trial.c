/* SPDX-License-Identifier: BSD-2-Clause */
/* From the send to the verdict: wait until the target has returned or is at rest, release it,
 * judge. */
#include "trial.h"
#include "text.h"

#include <string.h>

void trial_rescue(const struct trial_actor *actor) {
    (void)pthread_kill(actor->thread, actor->object.rescue);
}

void trial_release(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    struct sp_patience patience = trial_patience(target);
    uint32_t rescues = atomic_load(&target->rescues);
    if (t->c.call->release)
        t->c.call->release(&target->object);
    else
        trial_rescue(target);
    while (!trial_returned(target)) {
        sp_wait(s, &patience, "waiting until the released call returns");
        /* A rescue that ran before the call was entered released nothing. */
        if (!t->c.call->release && atomic_load(&target->rescues) != rescues &&
            (trial_blind() || trial_asleep(target)) && !trial_returned(target)) {
            rescues = atomic_load(&target->rescues);
            trial_rescue(target);
        }
    }
}

enum sp_end trial_end_of(const struct trial *t, bool released) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    bool rescued = target->rescues_at_return != target->rescues_at_entry;
    if (t->c.call->awaits && target->result >= 0)
        return released && target->result == target->object.rescue ? SP_END_RELEASED
                                                                   : SP_END_SUCCESS;
    if (target->result >= 0)
        return released && t->c.call->release ? SP_END_RELEASED : SP_END_SUCCESS;
    if (target->error != EINTR)
        return SP_END_OTHER;
    return released && !t->c.call->release && rescued ? SP_END_RELEASED : SP_END_EINTR;
}

/* A bystander that came out of its call is put back before the next send. */
void trial_seat_bystander(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *bystander = &t->actor[SP_BYSTANDER];
    while (trial_returned(bystander)) {
        if (t->c.call->reset)
            (void)t->c.call->reset(&bystander->object, bystander->result);
        trial_grant(bystander);
        trial_await_place(s, bystander);
    }
}

static void trial_conclude_watch(struct sp_sandbox *s, struct trial *t, bool by_signal) {
    struct sp_patience patience = {0};
    if (!t->c.watcher)
        return;
    uint64_t answered = atomic_load(&t->watch.answered) + 1;
    if (t->c.watcher->dispatched)
        trial_pass(s, t->settle_ns, "waiting until a sighting would have come");
    t->c.watcher->nudge(&t->watch);
    while (atomic_load(&t->watch.answered) < answered)
        sp_wait(s, &patience, "waiting until the watcher answers its nudge");
    uint64_t ticket = atomic_exchange(&t->watch.ticket, 0);
    s->result->sightings[ticket ? SP_SEEN : SP_MISSED]++;
    if (ticket && by_signal) {
        bool first = ticket < t->actor[SP_TARGET].ticket;
        s->result->sightings[first ? SP_WATCHER_FIRST : SP_TARGET_FIRST]++;
    }
}

/* Setting SIG_IGN discards what is pending, blocked or not, in the process and in every thread
 * (POSIX sigaction). Signals sent to a thread that had them open left nothing behind. */
static void trial_flush(const struct trial *t) {
    bool clean = t->c.mask != SP_BLOCKED && t->c.sender->directed && !t->c.watcher;
    if (clean)
        return;
    (void)trial_install(t->c.signal, SIG_IGN, 0);
    trial_dispose(&t->c);
}

static void trial_account(struct sp_sandbox *s, const struct trial *t,
                          const struct trial_counts *before) {
    struct trial_counts now = trial_count(t);
    s->result->handler[SP_TARGET] += now.target - before->target;
    s->result->handler[SP_BYSTANDER] += now.bystander - before->bystander;
    s->result->handler[SP_OTHER] += now.other - before->other;
}

/* A process-directed signal may be the bystander's, whose way out takes its own time. */
static void trial_await_bystander(struct sp_sandbox *s, struct trial *t,
                                  const struct trial_counts *before) {
    struct trial_counts now = trial_count(t);
    bool moved =
        now.bystander != before->bystander || now.bystander_returns != before->bystander_returns;
    if (!t->c.sender->directed || moved)
        trial_await_asleep(s, &t->actor[SP_BYSTANDER]);
}

void trial_reset(struct trial *t) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    if (t->c.call->reset)
        (void)t->c.call->reset(&target->object, target->result);
}

/* What came of the waiting time, seen by the wake-ups of this very trial. A machine that has become
 * slower shows it at the release, and then nothing is said about a signal that did not come. */
static bool trial_waited_too_short(struct trial *t, bool by_clock, bool released,
                                   uint64_t since_ns) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t took = target->returned_ns > since_ns ? target->returned_ns - since_ns : 0;
    bool measured = released || (t->c.timing == SP_ASLEEP && target->error == EINTR);
    return t->method != SP_OBSERVED && measured && !trial_waits_enough(t, took) && by_clock;
}

/* The part of a trial that every timing shares: from the send to the evidence. */
void trial_gather(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before,
                  struct sp_evidence *e) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t since_ns = t->sent_ns;
    bool by_clock = trial_rest(s, t, before);
    e->before_release = trial_returned(target);
    uint32_t at_rest = atomic_load(&target->runs);
    trial_await_bystander(s, t, before);
    if (!e->before_release) {
        /* Waiting for the bystander took time; a return meanwhile is still the signal's doing. */
        e->before_release = trial_returned(target);
        since_ns = sp_now();
        if (!e->before_release)
            trial_release(s, t);
    }
    e->waited_too_short = trial_waited_too_short(t, by_clock, !e->before_release, since_ns);
    e->end = (int)trial_end_of(t, !e->before_release);
    e->runs_at_entry = (int)(target->runs_at_entry - before->target);
    e->runs_inside = (int)(at_rest - target->runs_at_entry);
    e->runs_after_rest = e->before_release ? 0 : (int)(target->runs_at_return - at_rest);
    e->stopped = atomic_load(&s->shared->stopped);
    e->unsent = atomic_load(&t->send_error) != 0;
}

/* Counted last: a handler that runs in the watcher's thread has run before the watcher answers. */
static void trial_look_elsewhere(const struct trial *t, const struct trial_counts *before,
                                 struct sp_evidence *e) {
    struct trial_counts now = trial_count(t);
    e->runs_elsewhere = (int)(now.bystander - before->bystander + (now.other - before->other));
    e->taken_elsewhere = now.bystander_returns != before->bystander_returns;
}

static void trial_tally(struct sp_sandbox *s, struct trial *t, const struct sp_evidence *e,
                        bool reached) {
    enum sp_outcome outcome = sp_judge(e);
    if (e->unsent)
        sp_text(s->result->note, SP_TEXT_SIZE, "%s failed: %s", t->c.sender->name,
                strerror(atomic_load(&t->send_error)));
    s->result->reached += reached;
    s->result->late += !e->before_release && outcome == SP_INTERRUPTED;
    if (reached && e->before_release && t->c.timing == SP_ASLEEP && !e->stopped)
        sp_latency(s->result, t->actor[SP_TARGET].returned_ns - t->sent_ns);
    if (t->c.timing == SP_SWEEP && reached) {
        int64_t step = (t->offset_ns - s->result->sweep_first_ns) / s->result->sweep_step_ns;
        s->result->sweep[step][outcome]++;
    }
    sp_record(s, outcome);
}

static void trial_choose_offset(struct sp_sandbox *s, struct trial *t) {
    uint64_t step = (s->result->trials + s->request->seed) % s->result->sweep_steps;
    t->offset_ns = s->result->sweep_first_ns + (int64_t)step * s->result->sweep_step_ns;
}

void trial_look_for_tracer(struct sp_sandbox *s) {
    char name[32];
    if (!sp_tracer(name, sizeof name))
        return;
    s->result->traced = 1;
    sp_text(s->result->note, SP_TEXT_SIZE,
            "traced by %s: a traced process does not drop ignored signals", name);
}

void trial_run(struct sp_sandbox *s) {
    enum { BETWEEN_LOOKS_FOR_A_TRACER = 1024 };
    struct trial *t = &trial_state;
    struct sp_evidence e = {0};
    if (s->result->trials % BETWEEN_LOOKS_FOR_A_TRACER == 0)
        trial_look_for_tracer(s);
    if (t->c.timing == SP_SWEEP)
        trial_choose_offset(s, t);
    struct trial_counts before = trial_count(t);
    bool reached = trial_send_in_time(s, t, &before);
    e.asleep_when_sent = t->c.timing == SP_ASLEEP && reached;
    e.ended_early = t->c.timing == SP_ASLEEP && !reached;
    trial_gather(s, t, &before, &e);
    trial_conclude_watch(s, t, e.before_release);
    trial_look_elsewhere(t, &before, &e);
    trial_account(s, t, &before);
    trial_flush(t);
    trial_reset(t);
    trial_seat_bystander(s, t);
    trial_tally(s, t, &e, reached);
}
