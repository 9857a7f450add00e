/* SPDX-License-Identifier: BSD-2-Clause */
/* One trial of a case: bring the target into its situation, send, wait until it has returned or is
 * at rest, release it, judge.
 *
 * The child's leader is controller and sender. The target and the bystander each go round a loop:
 * wait for a turn, enter the call, note what it returned. They wait by spinning, never asleep, so a
 * sleep that the kernel shows between `entries` and `returns` can only be the call's. */
#include "case.h"
#include "outcome.h"
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct trial_actor {
    struct sp_object object;
    struct sp_seat seat;
    struct sp_where where; /* in what the kernel shows it asleep, as learned at the start */
    pthread_t thread;
    sigset_t mask;               /* it puts this on at its next turn */
    _Atomic int seated;          /* 1 after it sat down, -errno when it could not */
    _Atomic uint64_t turn;       /* turns granted by the controller */
    _Atomic uint64_t entries;    /* turns in which it has reached its call */
    _Atomic uint64_t returns;    /* turns in which its call has returned */
    _Atomic uint32_t runs;       /* handler runs in its thread */
    _Atomic uint32_t rescues;    /* rescue handler runs in its thread */
    uint32_t runs_at_entry;      /* from here on: its own, read by others after `returns` */
    uint32_t runs_at_return;
    uint32_t rescues_at_entry;
    uint32_t rescues_at_return;
    uint64_t left_ns; /* sweep: when it left the meeting point */
    uint64_t entered_ns;
    uint64_t returned_ns;
    uint64_t ticket;
    long result;
    int error;
};

/* What target and controller agree on around the entry. Each holds a turn's number. */
struct trial_gates {
    _Atomic uint64_t at_gate; /* the target stands before its call, in user mode */
    _Atomic uint64_t sent;    /* the controller has sent */
    _Atomic uint64_t settled; /* the target has made a system call since */
    _Atomic uint64_t open;    /* the target may enter */
    _Atomic uint64_t start;   /* sweep: clock reading at which both start */
};

struct trial {
    struct sp_case c;
    struct trial_actor actor[2];
    struct trial_gates gates;
    struct sp_watch watch;
    _Atomic int watching;        /* as `seated`, for the watcher's thread */
    _Atomic uint32_t other_runs; /* handler runs in neither target nor bystander */
    pthread_t leader;
    _Atomic int approach;        /* enum sp_timing in force: controls are always asleep */
    bool sweeps;                 /* the case's timing is sweep */
    int64_t offset_ns;           /* sweep: entry minus send */
    uint64_t sent_ns;
    uint64_t settle_ns;          /* method settled: the waiting time */
    enum sp_method method;
};

/* Counters at one moment. */
struct trial_counts {
    uint32_t target, bystander, other;
    uint64_t bystander_returns;
};

/* The handler has to find it; one sandbox has one trial at a time. */
static struct trial trial_state;

static const char *const trial_asleep_text = "waiting until the target is asleep in the call";

/* ------------------------------------------------------------------ handlers */

static struct trial_actor *trial_self(void) {
    pthread_t self = pthread_self();
    for (int i = 0; i < 2; i++)
        if (pthread_equal(self, trial_state.actor[i].thread))
            return &trial_state.actor[i];
    return NULL;
}

static void trial_handler(int signal) {
    int saved = errno;
    (void)signal;
    struct trial_actor *actor = trial_self();
    atomic_fetch_add(actor ? &actor->runs : &trial_state.other_runs, 1);
    errno = saved;
}

static void trial_rescue_handler(int signal) {
    int saved = errno;
    (void)signal;
    struct trial_actor *actor = trial_self();
    if (actor)
        atomic_fetch_add(&actor->rescues, 1);
    errno = saved;
}

static int trial_install(int signal, void (*handler)(int), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    (void)sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL);
}

static void trial_dispose(const struct sp_case *c) {
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
    struct sp_patience patience = {0};
    while (atomic_load_explicit(value, memory_order_acquire) < least)
        sp_relax(&patience);
}

/* Timing before: stand still in user mode until the signal has been sent, then make one system call.
 * Whatever can be delivered to this thread is delivered on the way out of it, on every kernel. */
static void trial_stand(struct trial *t, struct trial_actor *actor, uint64_t turn) {
    atomic_store(&t->gates.at_gate, turn);
    if (t->c.sender->by_target) {
        struct sp_aim aim = {actor->thread, t->c.signal};
        (void)t->c.sender->send(&aim);
    }
    trial_await(&t->gates.sent, turn);
    (void)getppid();
    atomic_store(&t->gates.settled, turn);
    trial_await(&t->gates.open, turn);
}

static void trial_spin_until(uint64_t clock) {
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
    (void)pthread_sigmask(SIG_SETMASK, &actor->mask, NULL);
    trial_approach(t, actor, turn);
    actor->rescues_at_entry = atomic_load(&actor->rescues);
    actor->entered_ns = sp_now();
    actor->runs_at_entry = atomic_load(&actor->runs);
    atomic_store_explicit(&actor->entries, turn, memory_order_release);
    actor->result = t->c.call->enter(&actor->object);
    actor->error = errno;
    actor->ticket = sp_ticket();
    actor->returned_ns = sp_now();
    actor->runs_at_return = atomic_load(&actor->runs);
    actor->rescues_at_return = atomic_load(&actor->rescues);
    atomic_store_explicit(&actor->returns, turn, memory_order_release);
}

static void *trial_actor_main(void *argument) {
    struct trial_actor *actor = argument;
    int error = sp_reader()->sit(&actor->seat);
    /* A wake-up likes to pull the sleeper to the sender's processor, and then nothing overlaps. */
    if (trial_state.sweeps && actor->object.index == SP_TARGET)
        sp_pin(1);
    atomic_store(&actor->seated, error ? -error : 1);
    for (uint64_t turn = 1;; turn++) {
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

static void *trial_watcher_main(void *argument) {
    struct trial *t = argument;
    int error = t->c.watcher->open(&t->watch);
    atomic_store(&t->watching, error ? -error : 1);
    while (!error)
        t->c.watcher->wait(&t->watch);
    return NULL;
}

/* ------------------------------------------------------------------ the controller's looks */

static bool trial_returned(const struct trial_actor *actor) {
    return atomic_load_explicit(&actor->returns, memory_order_acquire) ==
           atomic_load_explicit(&actor->turn, memory_order_relaxed);
}

static bool trial_entered(const struct trial_actor *actor) {
    return atomic_load_explicit(&actor->entries, memory_order_acquire) ==
           atomic_load_explicit(&actor->turn, memory_order_relaxed);
}

static bool trial_same_place(const struct sp_where *a, const struct sp_where *b) {
    return a->number == b->number && strcmp(a->label, b->label) == 0;
}

/* Asleep in its call, by the kernel's own word. A reader without states says nothing, and then the
 * settle time has to do (method settled). */
static bool trial_asleep(const struct trial_actor *actor) {
    struct sp_where where = {0};
    return trial_entered(actor) && sp_reader()->look(&actor->seat, &where) == SP_STATE_ASLEEP &&
           trial_same_place(&where, &actor->where);
}

static bool trial_blind(void) {
    return sp_reader()->level == SP_LEVEL_NONE;
}

static void trial_pass(struct sp_sandbox *s, uint64_t ns, const char *what) {
    struct sp_patience patience = {0};
    for (uint64_t until = sp_now() + ns; sp_now() < until;)
        sp_wait(s, &patience, what);
}

static void trial_await_asleep(struct sp_sandbox *s, struct trial_actor *actor) {
    struct sp_patience patience = {0};
    if (trial_blind()) {
        while (!trial_entered(actor))
            sp_wait(s, &patience, trial_asleep_text);
        trial_pass(s, trial_state.settle_ns, trial_asleep_text);
        return;
    }
    while (!trial_asleep(actor) && !trial_returned(actor))
        sp_wait(s, &patience, trial_asleep_text);
}

static struct trial_counts trial_count(const struct trial *t) {
    struct trial_counts counts = {
        .target = atomic_load(&t->actor[SP_TARGET].runs),
        .bystander = atomic_load(&t->actor[SP_BYSTANDER].runs),
        .other = atomic_load(&t->other_runs),
        .bystander_returns = atomic_load(&t->actor[SP_BYSTANDER].returns),
    };
    return counts;
}

static uint32_t trial_runs_since(const struct trial *t, const struct trial_counts *before) {
    struct trial_counts now = trial_count(t);
    return now.target - before->target + (now.bystander - before->bystander) +
           (now.other - before->other);
}

/* ------------------------------------------------------------------ turns */

static void trial_grant(struct trial_actor *actor) {
    atomic_fetch_add_explicit(&actor->turn, 1, memory_order_release);
}

static uint64_t trial_turn_of(const struct trial_actor *actor) {
    return atomic_load_explicit(&actor->turn, memory_order_relaxed);
}

/* The bystander came out of its call: put it back before the next send. */
static void trial_seat_bystander(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *bystander = &t->actor[SP_BYSTANDER];
    for (;;) {
        if (trial_returned(bystander)) {
            if (t->c.call->reset)
                (void)t->c.call->reset(&bystander->object, bystander->result);
            trial_grant(bystander);
        }
        trial_await_asleep(s, bystander);
        if (!trial_returned(bystander))
            return;
    }
}

/* ------------------------------------------------------------------ at rest */

/* With a handler set and the signal open to somebody, rest means that it has run; a signal that is
 * pending nowhere and has run nowhere was dropped on its way, and that too is rest. */
static bool trial_handler_done(const struct trial *t, const struct trial_counts *before) {
    bool awaited = t->c.mask != SP_BLOCKED && t->c.disposition >= SP_HANDLER;
    if (!awaited || trial_runs_since(t, before))
        return true;
    return sp_reader()->pending(&t->actor[SP_TARGET].seat, t->c.signal) == 0 &&
           sp_reader()->pending(&t->actor[SP_BYSTANDER].seat, t->c.signal) == 0;
}

/* Observed: one look finds the target asleep and its counters as they were before the look. The
 * send has made a sleeper runnable before it returned (sender_wakes), so a target that is still, or
 * again, asleep has nothing left to come. The state letter alone would not do: a restarted call
 * sleeps again within microseconds, so the counters are compared around the look. */
static bool trial_rests(const struct trial *t, const struct trial_counts *before) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    uint32_t runs = atomic_load(&target->runs);
    if (!trial_asleep(target) || trial_returned(target))
        return false;
    return atomic_load(&target->runs) == runs && trial_handler_done(t, before);
}

static void trial_observe(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before) {
    struct sp_patience patience = {0};
    while (!trial_returned(&t->actor[SP_TARGET]) && !trial_rests(t, before))
        sp_wait(s, &patience, "waiting until the target has returned or is at rest");
}

/* Settled: the waiting time has passed and nothing came. */
static void trial_settle(struct sp_sandbox *s, struct trial *t) {
    struct sp_patience patience = {0};
    uint64_t until = sp_now() + t->settle_ns;
    while (!trial_returned(&t->actor[SP_TARGET]) && sp_now() < until)
        sp_wait(s, &patience, "waiting until the settle time is over");
}

static void trial_rest(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before) {
    if (t->method == SP_OBSERVED)
        trial_observe(s, t, before);
    else
        trial_settle(s, t);
}

/* ------------------------------------------------------------------ release */

static void trial_rescue(const struct trial_actor *actor) {
    (void)pthread_kill(actor->thread, actor->object.rescue);
}

static void trial_release(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    struct sp_patience patience = {0};
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

static enum sp_end trial_end_of(const struct trial *t, bool released) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    bool rescued = target->rescues_at_return != target->rescues_at_entry;
    if (t->c.call->awaits && target->result >= 0)
        return released && target->result == target->object.rescue ? SP_END_RELEASED : SP_END_SUCCESS;
    if (target->result >= 0)
        return released && t->c.call->release ? SP_END_RELEASED : SP_END_SUCCESS;
    if (target->error != EINTR)
        return SP_END_OTHER;
    return released && !t->c.call->release && rescued ? SP_END_RELEASED : SP_END_EINTR;
}

/* ------------------------------------------------------------------ sending */

static int trial_send(struct sp_sandbox *s, struct trial *t) {
    struct sp_aim aim = {t->actor[SP_TARGET].thread, t->c.signal};
    atomic_store(&s->shared->sent, 1);
    t->sent_ns = sp_now();
    return t->c.sender->send(&aim);
}

static bool trial_send_asleep(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before) {
    (void)before;
    trial_grant(&t->actor[SP_TARGET]);
    trial_await_asleep(s, &t->actor[SP_TARGET]);
    atomic_store(&s->shared->reached, 1);
    (void)trial_send(s, t);
    return true;
}

/* The handler has run, or nothing is left that could make it run. */
static void trial_await_delivery(struct sp_sandbox *s, struct trial *t,
                                 const struct trial_counts *before) {
    struct sp_patience patience = {0};
    uint64_t until = sp_now() + t->settle_ns;
    while (!trial_handler_done(t, before)) {
        sp_wait(s, &patience, "waiting until the signal is delivered before the entry");
        if (t->method != SP_OBSERVED && sp_now() >= until)
            return;
    }
}

static bool trial_send_before(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t turn = trial_turn_of(target) + 1;
    struct sp_patience patience = {0};
    atomic_store(&s->shared->reached, 1);
    if (t->c.sender->by_target)
        atomic_store(&s->shared->sent, 1);
    trial_grant(target);
    while (atomic_load(&t->gates.at_gate) != turn)
        sp_wait(s, &patience, "waiting until the target stands before the call");
    if (!t->c.sender->by_target)
        (void)trial_send(s, t);
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
static bool trial_swept(const struct trial *t, const struct trial_counts *before, int64_t tolerance) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t start = atomic_load(&t->gates.start);
    uint64_t ahead = t->offset_ns > 0 ? (uint64_t)t->offset_ns : 0;
    uint64_t behind = t->offset_ns < 0 ? (uint64_t)-t->offset_ns : 0;
    return target->left_ns <= start && trial_on_time(start + behind, t->sent_ns, tolerance) &&
           (target->runs_at_entry != before->target ||
            trial_on_time(start + ahead, target->entered_ns, tolerance));
}

static bool trial_send_swept(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before) {
    enum { HEAD_START_NS = 2000 };
    struct trial_actor *target = &t->actor[SP_TARGET];
    uint64_t turn = trial_turn_of(target) + 1;
    struct sp_patience patience = {0};
    trial_grant(target);
    while (atomic_load(&t->gates.at_gate) != turn)
        sp_wait(s, &patience, "waiting until the target stands before the call");
    uint64_t start = sp_now() + HEAD_START_NS;
    atomic_store(&t->gates.start, start);
    atomic_store(&t->gates.open, turn);
    trial_spin_until(start + (t->offset_ns < 0 ? (uint64_t)-t->offset_ns : 0));
    (void)trial_send(s, t);
    while (!trial_entered(target) && !trial_returned(target))
        sp_wait(s, &patience, "waiting until the target has entered the call");
    return trial_swept(t, before, s->result->sweep_step_ns);
}

static bool (*const trial_senders[SP_TIMINGS])(struct sp_sandbox *, struct trial *,
                                               const struct trial_counts *) = {
    trial_send_asleep, trial_send_before, trial_send_swept};

/* ------------------------------------------------------------------ after the call */

static void trial_conclude_watch(struct sp_sandbox *s, struct trial *t, bool by_signal) {
    struct sp_patience patience = {0};
    if (!t->c.watcher)
        return;
    uint64_t answered = atomic_load(&t->watch.answered) + 1;
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
    bool moved = now.bystander != before->bystander ||
                 now.bystander_returns != before->bystander_returns;
    if (!t->c.sender->directed || moved)
        trial_await_asleep(s, &t->actor[SP_BYSTANDER]);
}

static void trial_reset(struct trial *t) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    if (t->c.call->reset)
        (void)t->c.call->reset(&target->object, target->result);
}

/* The part of a trial that every timing shares: from the send to the evidence. */
static void trial_gather(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before,
                         struct sp_evidence *e) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    trial_rest(s, t, before);
    e->before_release = trial_returned(target);
    uint32_t at_rest = atomic_load(&target->runs);
    trial_await_bystander(s, t, before);
    if (!e->before_release) {
        /* Waiting for the bystander took time; a return meanwhile is still the signal's doing. */
        e->before_release = trial_returned(target);
        if (!e->before_release)
            trial_release(s, t);
    }
    struct trial_counts now = trial_count(t);
    e->end = (int)trial_end_of(t, !e->before_release);
    e->runs_at_entry = (int)(target->runs_at_entry - before->target);
    e->runs_inside = (int)(at_rest - target->runs_at_entry);
    e->runs_after_rest = e->before_release ? 0 : (int)(target->runs_at_return - at_rest);
    e->runs_elsewhere = (int)(now.bystander - before->bystander + (now.other - before->other));
    e->taken_elsewhere = now.bystander_returns != before->bystander_returns;
    e->stopped = atomic_load(&s->shared->stopped);
}

static void trial_tally(struct sp_sandbox *s, struct trial *t, const struct sp_evidence *e,
                        bool reached) {
    enum sp_outcome outcome = sp_judge(e);
    s->result->reached += reached;
    s->result->late += !e->before_release && outcome == SP_INTERRUPTED;
    if (e->before_release && t->c.timing == SP_ASLEEP && !e->stopped)
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

static void trial_look_for_tracer(struct sp_sandbox *s) {
    char name[32];
    if (!sp_tracer(name, sizeof name))
        return;
    s->result->traced = 1;
    sp_text(s->result->note, SP_TEXT_SIZE, "traced by %s: a traced process does not drop ignored signals",
            name);
}

static void trial_seat_bystander_if_out(struct sp_sandbox *s, struct trial *t) {
    if (trial_returned(&t->actor[SP_BYSTANDER]))
        trial_seat_bystander(s, t);
}

static void trial_run(struct sp_sandbox *s) {
    enum { BETWEEN_LOOKS_FOR_A_TRACER = 1024 };
    struct trial *t = &trial_state;
    struct sp_evidence e = {0};
    if (s->result->trials % BETWEEN_LOOKS_FOR_A_TRACER == 0)
        trial_look_for_tracer(s);
    if (t->c.timing == SP_SWEEP)
        trial_choose_offset(s, t);
    struct trial_counts before = trial_count(t);
    bool reached = trial_senders[t->c.timing](s, t, &before);
    e.asleep_when_sent = t->c.timing == SP_ASLEEP;
    e.swept = t->c.timing == SP_SWEEP;
    trial_gather(s, t, &before, &e);
    trial_conclude_watch(s, t, e.before_release);
    trial_account(s, t, &before);
    trial_flush(t);
    trial_reset(t);
    trial_seat_bystander_if_out(s, t);
    trial_tally(s, t, &e, reached);
}

/* ------------------------------------------------------------------ beginning */

static void trial_masks(struct trial *t) {
    bool open = t->c.mask != SP_BLOCKED;
    bool awaits = t->c.call->awaits;
    for (int i = 0; i < 2; i++) {
        struct trial_actor *actor = &t->actor[i];
        (void)sigfillset(&actor->mask);
        if (open)
            (void)sigdelset(&actor->mask, t->c.signal);
        if (!awaits)
            (void)sigdelset(&actor->mask, actor->object.rescue);
        actor->object.swapped = actor->mask;
        (void)sigdelset(&actor->object.swapped, t->c.signal);
        (void)sigemptyset(&actor->object.awaited);
        (void)sigaddset(&actor->object.awaited, actor->object.rescue);
        if (!open)
            (void)sigaddset(&actor->object.awaited, t->c.signal);
    }
}

static int trial_open_actor(struct sp_sandbox *s, struct trial *t, int index) {
    struct trial_actor *actor = &t->actor[index];
    struct sp_patience patience = {0};
    actor->object.index = index;
    actor->object.dir = s->dir;
    actor->object.signal = t->c.signal;
    actor->object.rescue = sp_rescue_signal(t->c.signal);
    int error = t->c.call->open(&actor->object);
    if (error)
        return sp_fail(s, SP_UNSUPPORTED, "%s cannot be set up here: %s", t->c.call->name,
                       strerror(error));
    error = pthread_create(&actor->thread, NULL, trial_actor_main, actor);
    if (error)
        return sp_fail(s, SP_ERROR, "cannot start a thread: %s", strerror(error));
    while (!atomic_load(&actor->seated))
        sp_wait(s, &patience, "waiting until a thread has started");
    if (atomic_load(&actor->seated) < 0)
        return sp_fail(s, SP_ERROR, "%s cannot look at a thread: %s", sp_reader()->name,
                       strerror(-atomic_load(&actor->seated)));
    return SP_MEASURED;
}

static int trial_open_watch(struct sp_sandbox *s, struct trial *t) {
    struct sp_patience patience = {0};
    if (!t->c.watcher)
        return SP_MEASURED;
    t->watch.signal = t->c.signal;
    t->watch.nudge = sp_nudge_signal(t->c.signal);
    int error = pthread_create(&t->watch.thread, NULL, trial_watcher_main, t);
    while (!error && !atomic_load(&t->watching))
        sp_wait(s, &patience, "waiting until the watcher has started");
    if (!error && atomic_load(&t->watching) < 0)
        error = -atomic_load(&t->watching);
    if (error)
        return sp_fail(s, SP_UNSUPPORTED, "watcher %s cannot be set up here: %s", t->c.watcher->name,
                       strerror(error));
    return SP_MEASURED;
}

/* Calibration: the actor blocks in its call, and three looks in a row that agree name the place. */
static bool trial_learn(struct sp_sandbox *s, struct trial_actor *actor) {
    enum { AGREEING = 3, POLLS = 1000 };
    const uint64_t patience_ns = 5000000000u;
    struct sp_patience patience = {0};
    uint64_t until = sp_now() + patience_ns;
    int agreed = 0;
    trial_grant(actor);
    while (agreed < AGREEING && !trial_returned(actor)) {
        struct sp_where where = {0};
        bool asleep = trial_entered(actor) &&
                      sp_reader()->look(&actor->seat, &where) == SP_STATE_ASLEEP;
        agreed = asleep && trial_same_place(&where, &actor->where) ? agreed + 1 : 0;
        actor->where = where;
        sp_wait(s, &patience, "learning how the kernel shows the target asleep in the call");
        if (trial_blind() || (sp_now() > until && patience.spins > POLLS))
            return trial_blind();
    }
    return agreed == AGREEING;
}

/* The second half of it: once released, the kernel must not show it asleep any more. */
static bool trial_see_it_leave(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    trial_release(s, t);
    enum sp_end end = trial_end_of(t, true);
    trial_reset(t);
    if (end != SP_END_RELEASED)
        return false;
    return trial_blind() || sp_reader()->look(&target->seat, NULL) != SP_STATE_ASLEEP;
}

static int trial_calibrate(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    bool seen = trial_learn(s, &t->actor[SP_BYSTANDER]) && trial_learn(s, target);
    if (trial_returned(target) || trial_returned(&t->actor[SP_BYSTANDER]))
        return sp_fail(s, SP_ERROR, "%s does not block: it returned %d (%s)", t->c.call->name,
                       (int)target->result, target->result < 0 ? strerror(target->error) : "success");
    if (!seen)
        return sp_fail(s, SP_ERROR, "%s does not show a thread that sleeps in %s", sp_reader()->name,
                       t->c.call->name);
    if (!trial_see_it_leave(s, t))
        return sp_fail(s, SP_ERROR, "the release of %s does not end it as it should: %d (%s)",
                       t->c.call->name, (int)target->result,
                       target->result < 0 ? strerror(target->error) : "success");
    return SP_MEASURED;
}

/* The case's own call and sender, with a handler and open to target and bystander: a signal that
 * does not even show now is lost on the way, and everything measured with it would be a lie. */
static struct sp_case trial_control_case(const struct sp_case *c) {
    struct sp_case control = *c;
    control.disposition = SP_HANDLER;
    control.mask = SP_OPEN;
    control.timing = c->sender->by_target ? SP_BEFORE : SP_ASLEEP;
    control.watcher = NULL;
    if (c->signal == SIGKILL || c->signal == SIGSTOP)
        control.signal = sp_nudge_signal(c->signal);
    return control;
}

static bool trial_control(struct sp_sandbox *s, struct trial *t, uint64_t *worst_ns) {
    struct trial_counts before = trial_count(t);
    struct sp_evidence e = {0};
    struct sp_patience patience = {0};
    (void)trial_senders[t->c.timing](s, t, &before);
    atomic_store(&s->shared->sent, 0);
    uint64_t until = sp_now() + t->settle_ns;
    while (!trial_runs_since(t, &before) && !trial_returned(&t->actor[SP_TARGET])) {
        sp_wait(s, &patience, "waiting until the control signal is handled");
        bool dropped = t->method == SP_OBSERVED ? trial_rests(t, &before) : sp_now() > until;
        if (dropped && !trial_runs_since(t, &before))
            break;
    }
    uint64_t took = sp_now() - t->sent_ns;
    *worst_ns = took > *worst_ns ? took : *worst_ns;
    trial_gather(s, t, &before, &e);
    trial_reset(t);
    trial_seat_bystander_if_out(s, t);
    sp_beat(s);
    return trial_runs_since(t, &before) > 0;
}

static int trial_controls(struct sp_sandbox *s, struct trial *t) {
    enum { OBSERVED_CONTROLS = 2, SETTLED_CONTROLS = 10, TIMES_THE_WORST = 20 };
    const uint64_t first_settle_ns = 200000000, least_settle_ns = 2000000;
    uint64_t worst_ns = 0;
    t->settle_ns = first_settle_ns;
    int controls = t->method == SP_OBSERVED ? OBSERVED_CONTROLS : SETTLED_CONTROLS;
    for (int i = 0; i < controls; i++)
        if (!trial_control(s, t, &worst_ns))
            return sp_fail(s, SP_ERROR, "%s has no effect: it reported success, but its handled "
                                        "control signal ran no handler and is pending nowhere",
                           t->c.sender->name);
    t->settle_ns = worst_ns * TIMES_THE_WORST;
    if (t->settle_ns < least_settle_ns)
        t->settle_ns = least_settle_ns;
    return SP_MEASURED;
}

static void trial_name_place(struct sp_sandbox *s, const struct sp_where *where) {
    if (where->label[0])
        sp_text(s->result->where, sizeof s->result->where, "%s", where->label);
    else if (sp_reader()->level == SP_LEVEL_CALL)
        sp_text(s->result->where, sizeof s->result->where, "syscall %d", (int)where->number);
}

static void trial_set_sweep(struct sp_sandbox *s) {
    /* From 10 us after the entry to 30 us before it: a signal to a thread that runs on another
     * processor takes an interrupt there, and on virtual machines that takes 10 us and more. */
    enum { FIRST_NS = -10000, STEP_NS = 1000, STEPS = 41 };
    const struct sp_request *request = s->request;
    bool given = request->sweep_steps > 0 && request->sweep_steps <= SP_STEPS;
    s->result->sweep_steps = given ? request->sweep_steps : STEPS;
    s->result->sweep_step_ns = given && request->sweep_step_ns > 0 ? request->sweep_step_ns : STEP_NS;
    s->result->sweep_first_ns = given ? request->sweep_first_ns : FIRST_NS;
}

/* Puts a case into force for the next turns. The bystander keeps the mask with which it sleeps, so
 * it is brought out and in again. */
static void trial_enforce(struct sp_sandbox *s, struct trial *t, const struct sp_case *c) {
    t->c = *c;
    atomic_store(&t->approach, (int)c->timing);
    atomic_store(&s->shared->signal, c->signal);
    trial_masks(t);
    trial_dispose(c);
}

static void trial_bring_bystander_round(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *bystander = &t->actor[SP_BYSTANDER];
    struct sp_patience patience = {0};
    if (t->c.call->release)
        t->c.call->release(&bystander->object);
    else
        trial_rescue(bystander);
    while (!trial_returned(bystander))
        sp_wait(s, &patience, "waiting until the released bystander returns");
}

static void trial_leader_mask(const struct sp_case *c) {
    sigset_t mask;
    (void)sigfillset(&mask);
    if (c->mask == SP_OPEN_ALL)
        (void)sigdelset(&mask, c->signal);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static int trial_begin(struct sp_sandbox *s) {
    struct trial *t = &trial_state;
    struct sp_case c;
    int status = sp_case_parse(s->request->id, &c, s->result->reason, SP_TEXT_SIZE);
    if (status != SP_MEASURED)
        return status;
    struct sp_case control = trial_control_case(&c);
    t->leader = pthread_self();
    t->method = sp_reader()->level > SP_LEVEL_NONE && sp_reader()->sender_wakes ? SP_OBSERVED
                                                                                : SP_SETTLED;
    t->c = control;
    t->sweeps = c.timing == SP_SWEEP;
    trial_set_sweep(s);
    status = trial_open_actor(s, t, SP_TARGET);
    if (status == SP_MEASURED)
        status = trial_open_actor(s, t, SP_BYSTANDER);
    if (status != SP_MEASURED)
        return status;
    if (t->sweeps)
        sp_pin(0);
    control.timing = SP_ASLEEP;
    (void)trial_install(t->actor[0].object.rescue, trial_rescue_handler, 0);
    trial_enforce(s, t, &control);
    status = trial_calibrate(s, t);
    if (status != SP_MEASURED)
        return status;
    control = trial_control_case(&c);
    trial_enforce(s, t, &control);
    status = trial_controls(s, t);
    if (status != SP_MEASURED)
        return status;
    trial_bring_bystander_round(s, t);
    trial_leader_mask(&c);
    trial_enforce(s, t, &c);
    trial_name_place(s, &t->actor[SP_TARGET].where);
    s->result->method = (int32_t)t->method;
    status = trial_open_watch(s, t);
    if (status == SP_MEASURED)
        trial_seat_bystander(s, t);
    return status;
}

static void trial_end(struct sp_sandbox *s) {
    struct trial *t = &trial_state;
    trial_look_for_tracer(s);
    if (t->c.call->close)
        for (int i = 0; i < 2; i++)
            t->c.call->close(&t->actor[i].object);
}

static int trial_check(const char *id, char *reason, size_t size) {
    struct sp_case c;
    return sp_case_parse(id, &c, reason, size);
}

static struct sp_experiment trial_experiment = {"", trial_check, trial_begin, trial_run, trial_end};

__attribute__((constructor)) static void trial_register(void) {
    sp_add_experiment(&trial_experiment);
}
