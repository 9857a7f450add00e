/* SPDX-License-Identifier: BSD-2-Clause */
/* How a sandbox begins: threads, calibration (see the target asleep, see it leave), control signals
 * (see that the sender works at all), then the case itself is put into force. */
#include "text.h"
#include "trial.h"

#include <string.h>

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

/* A want of descriptors, memory or room is this run's; any other refusal is the platform's. */
static int trial_refused(int error) {
    static const int wants[] = {EMFILE, ENFILE, ENOMEM, ENOSPC, ENOBUFS, EAGAIN};
    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++)
        if (error == wants[i])
            return SP_ERROR;
    return SP_UNSUPPORTED;
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
        return sp_fail(s, trial_refused(error), "%s cannot be set up here: %s", t->c.call->name,
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
        return sp_fail(s, trial_refused(error), "watcher %s cannot be set up here: %s",
                       t->c.watcher->name, strerror(error));
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
        bool asleep =
            trial_entered(actor) && sp_reader()->look(&actor->seat, &where) == SP_STATE_ASLEEP;
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

/* One whose call ended before its time. Where the bystander is not seen asleep, the target is not
 * tried and has no turn. */
static const struct trial_actor *trial_ended(const struct trial *t) {
    for (int i = 0; i < 2; i++)
        if (atomic_load(&t->actor[i].turn) && trial_returned(&t->actor[i]))
            return &t->actor[i];
    return NULL;
}

static int trial_calibrate(struct sp_sandbox *s, struct trial *t) {
    struct trial_actor *target = &t->actor[SP_TARGET];
    bool seen = trial_learn(s, &t->actor[SP_BYSTANDER]) && trial_learn(s, target);
    const struct trial_actor *ended = trial_ended(t);
    if (ended && ended->result < 0 && (ended->error == ENOSYS || ended->error == EPERM))
        return sp_fail(s, SP_UNSUPPORTED, "%s cannot be called here: %s", t->c.call->name,
                       strerror(ended->error));
    if (ended)
        return sp_fail(s, SP_ERROR, "%s does not block: it returned %d (%s)", t->c.call->name,
                       (int)ended->result, ended->result < 0 ? strerror(ended->error) : "success");
    if (!seen)
        return sp_fail(s, SP_ERROR, "%s does not show a thread that sleeps in %s",
                       sp_reader()->name, t->c.call->name);
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

/* A target that is asleep with the signal still to come, after the sender has returned: this kernel
 * wakes it later, and what is seen right after a send is no proof (semantics of DragonFly, gVisor).
 * In this order: a signal that is no longer pending has woken the target before. */
static bool trial_wakes_late(const struct trial *t, const struct trial_counts *before) {
    const struct trial_actor *target = &t->actor[SP_TARGET];
    return t->c.sender->directed && trial_in_place(target) &&
           sp_reader()->pending(&target->seat, t->c.signal) == 1 && trial_in_place(target) &&
           !trial_runs_since(t, before) && !trial_returned(target);
}

/* True where its handler has run. A signal that is lost on the way shows at the target's rest, or,
 * where rest is no proof, after seconds: nothing but a broken sender has to wait for those. */
static bool trial_control(struct sp_sandbox *s, struct trial *t) {
    const uint64_t patience_ns = 5000000000u;
    struct trial_counts before = trial_count(t);
    struct sp_evidence e = {0};
    struct sp_patience patience = {0};
    (void)trial_send_in_time(s, t, &before);
    atomic_store(&s->shared->sent, 0);
    if (t->c.timing == SP_ASLEEP && trial_wakes_late(t, &before))
        t->method = SP_SETTLED;
    uint64_t until = sp_now() + patience_ns;
    while (!trial_runs_since(t, &before) && !trial_returned(&t->actor[SP_TARGET])) {
        sp_wait(s, &patience, "waiting until the control signal is handled");
        bool dropped = t->method == SP_OBSERVED ? trial_rests(t, &before) : sp_now() > until;
        if (dropped && !trial_runs_since(t, &before))
            break;
    }
    (void)trial_waits_enough(t, sp_now() - t->sent_ns);
    trial_gather(s, t, &before, &e);
    trial_reset(t);
    trial_seat_bystander(s, t);
    sp_beat(s);
    return trial_runs_since(t, &before) > 0;
}

static int trial_without_effect(struct sp_sandbox *s, struct trial *t) {
    int error = atomic_load(&t->send_error);
    if (error)
        return sp_fail(s, SP_ERROR, "%s failed: %s", t->c.sender->name, strerror(error));
    return sp_fail(s, SP_ERROR,
                   "%s has no effect: it reported success, but its handled "
                   "control signal ran no handler and is pending nowhere",
                   t->c.sender->name);
}

/* More of them where a waiting time is drawn from them. */
static int trial_controls(struct sp_sandbox *s, struct trial *t, bool dispatched) {
    enum { OBSERVED_CONTROLS = 2, SETTLED_CONTROLS = 10 };
    const uint64_t first_settle_ns = 200000000;
    t->settle_ns = first_settle_ns;
    for (int i = 0;
         i < (t->method == SP_OBSERVED && !dispatched ? OBSERVED_CONTROLS : SETTLED_CONTROLS); i++)
        if (!trial_control(s, t))
            return trial_without_effect(s, t);
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
    s->result->sweep_step_ns =
        given && request->sweep_step_ns > 0 ? request->sweep_step_ns : STEP_NS;
    s->result->sweep_first_ns = given ? request->sweep_first_ns : FIRST_NS;
}

/* The one thing that may change while the bystander sleeps: its call has the masks in hand. */
static void trial_set_timing(struct trial *t, enum sp_timing timing) {
    t->c.timing = timing;
    atomic_store(&t->approach, (int)timing);
}

/* Puts a case into force for the next turns. The bystander keeps the mask with which it sleeps, so
 * it is brought out and in again. */
static void trial_enforce(struct sp_sandbox *s, struct trial *t, const struct sp_case *c) {
    t->c = *c;
    trial_set_timing(t, c->timing);
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

int trial_begin(struct sp_sandbox *s) {
    struct trial *t = &trial_state;
    struct sp_case c;
    int status = sp_case_parse(s->request->id, &c, s->result->reason, SP_TEXT_SIZE);
    if (status != SP_MEASURED)
        return status;
    struct sp_case control = trial_control_case(&c);
    t->method =
        sp_reader()->level > SP_LEVEL_NONE && sp_reader()->sender_wakes ? SP_OBSERVED : SP_SETTLED;
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
    trial_set_timing(t, trial_control_case(&c).timing);
    bool dispatched = c.watcher && c.watcher->dispatched;
    status = trial_controls(s, t, dispatched);
    if (status != SP_MEASURED)
        return status;
    trial_bring_bystander_round(s, t);
    trial_leader_mask(&c);
    trial_enforce(s, t, &c);
    trial_name_place(s, &t->actor[SP_TARGET].where);
    s->result->method = (int32_t)(dispatched ? SP_SETTLED : t->method);
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

static struct sp_experiment trial_experiment = {"core",      "",        trial_check,
                                                trial_begin, trial_run, trial_end};

__attribute__((constructor)) static void trial_register(void) {
    sp_add_experiment(&trial_experiment);
}
