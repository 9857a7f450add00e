/* SPDX-License-Identifier: BSD-2-Clause */
/* Where target and bystander are: in the call, back from it, or at rest. */
#include "trial.h"

#include <string.h>
#include <time.h>

bool trial_returned(const struct trial_actor *actor) {
    return atomic_load_explicit(&actor->returns, memory_order_acquire) ==
           atomic_load_explicit(&actor->turn, memory_order_relaxed);
}

bool trial_entered(const struct trial_actor *actor) {
    return atomic_load_explicit(&actor->entries, memory_order_acquire) ==
           atomic_load_explicit(&actor->turn, memory_order_relaxed);
}

bool trial_same_place(const struct sp_where *a, const struct sp_where *b) {
    return a->number == b->number && strcmp(a->label, b->label) == 0;
}

/* Asleep between entry and return, by the kernel's own word. Where exactly is not asked: after a
 * wake-up that came to nothing Linux shows nanosleep and poll in restart_syscall
 * (kernel/signal.c, sys_restart_syscall), and it is the same sleep. A reader without states says
 * nothing, and then the settle time has to do (method settled). */
bool trial_asleep(const struct trial_actor *actor) {
    return trial_entered(actor) && sp_reader()->look(&actor->seat, NULL) == SP_STATE_ASLEEP;
}

/* Asleep where the calibration saw it: what has to be shown before a signal is sent. */
bool trial_in_place(const struct trial_actor *actor) {
    struct sp_where where = {0};
    return trial_entered(actor) && sp_reader()->look(&actor->seat, &where) == SP_STATE_ASLEEP &&
           trial_same_place(&where, &actor->where);
}

bool trial_blind(void) {
    return sp_reader()->level == SP_LEVEL_NONE;
}

struct sp_patience trial_patience(const struct trial_actor *actor) {
    atomic_store_explicit(&trial_state.leader_cpu, sp_cpu(), memory_order_relaxed);
    return (struct sp_patience){.awaited_cpu = &actor->cpu};
}

/* A wait that ends by the clock counts as progress, however long a slow machine makes it. */
static void trial_wait_on(struct sp_sandbox *s, struct sp_patience *patience, const char *what) {
    sp_wait(s, patience, what);
    sp_beat(s);
}

void trial_pass(struct sp_sandbox *s, uint64_t ns, const char *what) {
    struct sp_patience patience = {0};
    for (uint64_t until = sp_now() + ns; sp_now() < until;)
        trial_wait_on(s, &patience, what);
}

static const char *const trial_asleep_text = "waiting until a thread is asleep in the call";

static void trial_await_sleep(struct sp_sandbox *s, const struct trial_actor *actor,
                              bool (*asleep)(const struct trial_actor *)) {
    struct sp_patience patience = trial_patience(actor);
    if (trial_blind()) {
        while (!trial_entered(actor))
            sp_wait(s, &patience, trial_asleep_text);
        trial_pass(s, trial_state.settle_ns, trial_asleep_text);
        return;
    }
    while (!asleep(actor) && !trial_returned(actor))
        sp_wait(s, &patience, trial_asleep_text);
}

void trial_await_place(struct sp_sandbox *s, const struct trial_actor *actor) {
    trial_await_sleep(s, actor, trial_in_place);
}

void trial_await_asleep(struct sp_sandbox *s, const struct trial_actor *actor) {
    trial_await_sleep(s, actor, trial_asleep);
}

struct trial_counts trial_count(const struct trial *t) {
    struct trial_counts counts = {
        .target = atomic_load(&t->actor[SP_TARGET].runs),
        .bystander = atomic_load(&t->actor[SP_BYSTANDER].runs),
        .other = atomic_load(&t->other_runs),
        .bystander_returns = atomic_load(&t->actor[SP_BYSTANDER].returns),
        .sighted = atomic_load(&t->watch.sighted),
    };
    return counts;
}

uint32_t trial_runs_since(const struct trial *t, const struct trial_counts *before) {
    struct trial_counts now = trial_count(t);
    return now.target - before->target + (now.bystander - before->bystander) +
           (now.other - before->other);
}

/* ------------------------------------------------------------------ at rest */

/* The watcher has it, by a way that leaves nothing to be delivered. */
static bool trial_taken(const struct trial *t, const struct trial_counts *before) {
    return t->c.watcher && t->c.watcher->takes && atomic_load(&t->watch.sighted) != before->sighted;
}

/* With a handler set and the signal open to somebody, rest means that it has run, or that the
 * watcher took the signal instead; a signal that is pending nowhere and has run nowhere was dropped
 * on its way, and that too is rest. */
bool trial_handler_done(const struct trial *t, const struct trial_counts *before) {
    bool awaited = t->c.mask != SP_BLOCKED && t->c.disposition >= SP_HANDLER;
    if (!awaited || trial_runs_since(t, before) || trial_taken(t, before))
        return true;
    return sp_reader()->pending(&t->actor[SP_TARGET].seat, t->c.signal) == 0 &&
           sp_reader()->pending(&t->actor[SP_BYSTANDER].seat, t->c.signal) == 0;
}

/* Nothing is left that could still reach the target. A signal that its thread had open and that
 * nobody handles was dropped by the send itself; any other is looked for. */
static bool trial_nothing_pending(const struct trial *t, const struct trial_counts *before) {
    bool dropped = t->c.sender->directed && t->c.mask != SP_BLOCKED;
    if (t->c.disposition >= SP_HANDLER && t->c.mask != SP_BLOCKED)
        return trial_handler_done(t, before);
    return dropped || sp_reader()->pending(&t->actor[SP_TARGET].seat, t->c.signal) != 1;
}

/* Observed: nothing is pending, then one look finds the target asleep, and its counter is as it was
 * before. The send has made a sleeper runnable before it returned (sender_wakes), so a target that
 * is still, or again, asleep has nothing left to come. In this order: a woken sleeper may pass
 * through its sleeping state once more while the signal is pending (Linux kernel/exit.c do_wait
 * sets it before it looks for signals), but not after the signal has been taken. The state letter
 * alone would not do: a restarted call sleeps again within microseconds. */
bool trial_rests(const struct trial *t, const struct trial_counts *before) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    uint32_t runs = atomic_load(&target->runs);
    return trial_nothing_pending(t, before) && trial_asleep(target) && !trial_returned(target) &&
           atomic_load(&target->runs) == runs;
}

static void trial_observe(struct sp_sandbox *s, const struct trial *t,
                          const struct trial_counts *before) {
    struct sp_patience patience = trial_patience(&t->actor[SP_TARGET]);
    while (!trial_returned(&t->actor[SP_TARGET]) && !trial_rests(t, before))
        sp_wait(s, &patience, "waiting until the target has returned or is at rest");
}

/* A target that was asleep when the one signal was sent and has run its handler since has been
 * woken: nothing more can come late, and its rest is seen as if the sender had woken it. */
static bool trial_woken_rests(const struct trial *t, const struct trial_counts *before) {
    bool woken = !trial_blind() && t->c.sender->directed && t->c.timing == SP_ASLEEP &&
                 atomic_load(&t->actor[SP_TARGET].runs) != before->target;
    return woken && trial_rests(t, before);
}

/* Settled: true where nothing came until the waiting time was over. It is spent asleep, because a
 * leader that spins takes the processor from those whose wake-up it waits for. */
static bool trial_settle(struct sp_sandbox *s, const struct trial *t,
                         const struct trial_counts *before) {
    const struct timespec nap = {.tv_nsec = 200000};
    struct sp_patience patience = {0};
    uint64_t until = sp_now() + t->settle_ns;
    while (sp_now() < until) {
        if (trial_returned(&t->actor[SP_TARGET]) || trial_woken_rests(t, before))
            return false;
        trial_wait_on(s, &patience, "waiting until the settle time is over");
        (void)nanosleep(&nap, NULL);
    }
    return true;
}

bool trial_waits_enough(struct trial *t, uint64_t wake_up_ns) {
    enum { TIMES_THE_WORST = 20 };
    const uint64_t least_ns = 2000000;
    bool enough = wake_up_ns * TIMES_THE_WORST <= t->settle_ns;
    t->worst_ns = wake_up_ns > t->worst_ns ? wake_up_ns : t->worst_ns;
    t->settle_ns = t->worst_ns * TIMES_THE_WORST;
    if (t->settle_ns < least_ns)
        t->settle_ns = least_ns;
    return enough;
}

bool trial_rest(struct sp_sandbox *s, const struct trial *t, const struct trial_counts *before) {
    if (t->method != SP_OBSERVED)
        return trial_settle(s, t, before);
    trial_observe(s, t, before);
    return false;
}
