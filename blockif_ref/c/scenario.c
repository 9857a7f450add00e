/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenarios: cases blockif/KICK/OPERATION/BACKEND/SCENARIO, run in the engine's sandbox.
 *
 * A trial brings the disk into a situation, lets actors cancel, and looks until they have returned
 * or nothing in the process can move any more: every thread asleep, nothing deliverable pending for
 * any. Only then is the device released, so a cancel that returns afterwards did not return by its
 * own doing, and one that even then does not return hangs for ever. */
#include "inside.h"

#include "ahci_port.h"
#include "kick_signal.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    SCENARIO_MOST = 64,          /* requests of one trial */
    SCENARIO_BYTES = 4096,       /* of one request */
    SCENARIO_STRIDE = 3 * 4096,  /* between starts: none is the sequel of another */
    SCENARIO_SIZE = 1024 * 1024, /* of the disk */
    SCENARIO_SEATS = 128,
    SCENARIO_ACTORS = 2,
    SCENARIO_VAIN_KICKS = 64,     /* since anything last came of one: a polling cancel */
    SCENARIO_CLEAN_LOOKS = 3,     /* in a row before everybody is said to rest */
    SCENARIO_SETTLE_NS = 50000000 /* where no state is shown: and twenty times the longest cancel */
};

struct scenario_plan {
    const char *name;
    const char *purpose;
    int workers, requests, actors;
    bool held;              /* the device answers nothing until the actors are done or stuck */
    bool gated;             /* the worker of the first request waits between claim and call */
    bool port;              /* requests go through an AHCI port */
    bool closes;            /* the act is to close the disk */
    bool (*ready)(void);    /* the situation that the scenario is about is there */
    void (*act)(int actor); /* in an actor's thread */
};

struct scenario_seat {
    struct sp_seat seat;
    _Atomic bool ready, leaving;
};

/* One request and what became of it. */
struct scenario_entry {
    struct blockif_request request;
    struct iovec piece;
    _Atomic int calls;  /* of its callback */
    _Atomic int error;  /* what the callback was told */
    _Atomic int answer; /* blockif_cancel's, or -1 */
    uint64_t from, to;  /* ns: when cancel was called, and returned */
};

struct scenario_actor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t told;
    int index;
    bool go, end;
    _Atomic bool acting, returned;
    uint64_t from, to; /* ns: of the whole act */
};

/* Looked at before and after: if it is the same and everybody rested, nothing has happened. */
struct scenario_pulse {
    uint64_t kicks, handled, calls, claims, returned;
};

struct scenario_state {
    struct sp_sandbox *sandbox;
    const struct scenario_plan *plan;
    const struct blockif_kick *kick;
    int operation;
    enum sp_method method;
    uint64_t settle_ns;
    bool broken; /* the protocol was: said in the note */

    struct blockif_watch watch;
    struct blockif *disk; /* NULL while an actor closes it */
    struct blockif *closing;
    struct blockif_device *device;
    struct ahci_port port;
    unsigned char memory[SCENARIO_MOST][SCENARIO_BYTES];
    struct scenario_entry entry[SCENARIO_MOST];
    struct scenario_actor actor[SCENARIO_ACTORS];

    _Atomic int seats;
    struct scenario_seat seat[SCENARIO_SEATS];
    _Atomic uint64_t claims;
    uint64_t kicks_before; /* the act: sent since the disk was opened */
    _Atomic bool gate, at_gate;
    uint64_t opened_ns; /* when the gate was, if it was in the way of a kick */
};

static struct scenario_state scenario;

/* ------------------------------------------------------------------ watching the threads */

static _Thread_local int scenario_own_seat = -1;

static void scenario_started(struct blockif_watch *watch) {
    (void)watch;
    int index = atomic_fetch_add(&scenario.seats, 1);
    if (index < SCENARIO_SEATS && sp_reader()->sit(&scenario.seat[index].seat) == 0) {
        scenario_own_seat = index;
        atomic_store(&scenario.seat[index].ready, true);
    }
}

static void scenario_leaving(struct blockif_watch *watch) {
    (void)watch;
    if (scenario_own_seat >= 0)
        atomic_store(&scenario.seat[scenario_own_seat].leaving, true);
}

/* Gives up the seats from `first` on, whose threads have ended. */
static void scenario_clear_seats(int first) {
    int last = atomic_load(&scenario.seats);
    for (int i = first; i < last && i < SCENARIO_SEATS; i++) {
        sp_reader()->leave(&scenario.seat[i].seat);
        atomic_store(&scenario.seat[i].ready, false);
        atomic_store(&scenario.seat[i].leaving, false);
    }
    atomic_store(&scenario.seats, first);
    atomic_store(&scenario.watch.created, first);
}

static void scenario_claimed(struct blockif_worker *worker) {
    bool first = worker->element->request == &scenario.entry[0].request;
    if (first && atomic_load(&scenario.gate)) {
        const struct timespec nap = {0, 20000};
        atomic_store(&scenario.at_gate, true);
        while (atomic_load(&scenario.gate))
            (void)nanosleep(&nap, NULL); /* a handler may run here, as it may in user mode */
        atomic_store(&scenario.at_gate, false);
    }
    atomic_fetch_add(&scenario.claims, 1);
}

static bool scenario_rests(int index) {
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

static struct scenario_pulse scenario_pulse(void) {
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

static bool scenario_nothing_pending(void) {
    int signal = scenario.kick->signal;
    for (int i = 0; signal && i < atomic_load(&scenario.seats); i++)
        if (sp_reader()->pending(&scenario.seat[i].seat, signal) == 1)
            return false;
    return true;
}

/* Everybody from a seat on: the actors have the first ones. */
static bool scenario_rest_from(int first) {
    for (int i = first; i < atomic_load(&scenario.seats); i++)
        if (!scenario_rests(i))
            return false;
    return !scenario.kick->rests || scenario.kick->rests();
}

/* Nothing has moved for the settling time: all that can be said where no state is shown. */
static bool scenario_settled(const struct scenario_pulse *before) {
    struct sp_patience patience = {0};
    uint64_t until = sp_now() + scenario.settle_ns;
    struct scenario_pulse now = *before;
    while (sp_now() < until && scenario_same(before, &now)) {
        sp_wait(scenario.sandbox, &patience, "settling");
        now = scenario_pulse();
    }
    return scenario_same(before, &now);
}

static bool scenario_at_rest(void) {
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

/* ------------------------------------------------------------------ requests */

static void scenario_answered(struct blockif_request *request, int error) {
    struct scenario_entry *entry = request->owner;
    atomic_store(&entry->error, error);
    atomic_fetch_add(&entry->calls, 1);
}

/* A slot that its port cancelled while pending has no callback: the port says ECANCELED. */
static void scenario_interrupt(struct ahci_port *port, int slot) {
    struct scenario_entry *entry = &scenario.entry[slot];
    atomic_store(&entry->error, port->slot[slot].error);
    atomic_fetch_add(&entry->calls, 1);
}

static void scenario_prepare(int index) {
    struct scenario_entry *entry = &scenario.entry[index];
    bool data = scenario.operation == BLOCKIF_READ || scenario.operation == BLOCKIF_WRITE;
    bool flush = scenario.operation == BLOCKIF_FLUSH;
    entry->piece = (struct iovec){scenario.memory[index], SCENARIO_BYTES};
    entry->request = (struct blockif_request){.operation = scenario.operation,
                                              .count = data ? 1 : 0,
                                              .pieces = &entry->piece,
                                              .offset = flush ? 0 : index * SCENARIO_STRIDE,
                                              .length = flush ? 0 : SCENARIO_BYTES,
                                              .callback = scenario_answered,
                                              .owner = entry};
    atomic_store(&entry->calls, 0);
    atomic_store(&entry->error, -1);
    entry->answer = -1;
    entry->from = entry->to = 0;
}

static int scenario_issue(int slot) {
    const struct blockif_request *request = &scenario.entry[slot].request;
    return ahci_port_issue(&scenario.port, slot, request->operation,
                           request->count ? scenario.memory[slot] : NULL, request->offset,
                           request->length);
}

static void scenario_submit(void) {
    for (int i = 0; i < scenario.plan->requests; i++) {
        struct blockif_request *request = &scenario.entry[i].request;
        scenario_prepare(i);
        int failed =
            scenario.plan->port ? scenario_issue(i) : blockif_submit(scenario.disk, &request, 1);
        scenario.broken |= failed != 0;
    }
}

static void scenario_hold(bool held) {
    if (scenario.device->medium->hold)
        scenario.device->medium->hold(scenario.device, held);
}

/* ------------------------------------------------------------------ situations */

static bool scenario_is_at_gate(void) {
    return atomic_load(&scenario.at_gate);
}

/* As many as there are workers are in their calls, and everybody sleeps. */
static bool scenario_is_asleep(void) {
    int busy = scenario.plan->workers < scenario.plan->requests ? scenario.plan->workers
                                                                : scenario.plan->requests;
    return atomic_load(&scenario.claims) >= (uint64_t)busy && scenario_at_rest();
}

static bool scenario_is_vacant(void) {
    (void)pthread_mutex_lock(&scenario.disk->lock);
    bool vacant = scenario.disk->vacant == BLOCKIF_RING + scenario.disk->workers;
    (void)pthread_mutex_unlock(&scenario.disk->lock);
    return vacant;
}

/* Every worker has begun, and is where it happens to be. */
static bool scenario_is_under_way(void) {
    return atomic_load(&scenario.claims) >= (uint64_t)scenario.plan->workers;
}

/* ------------------------------------------------------------------ acts */

static void scenario_cancel(int index) {
    struct scenario_entry *entry = &scenario.entry[index];
    entry->from = sp_now();
    entry->answer = blockif_cancel(scenario.disk, &entry->request);
    entry->to = sp_now();
}

static void scenario_cancel_first(int actor) {
    (void)actor;
    scenario_cancel(0);
}

static void scenario_cancel_last(int actor) {
    (void)actor;
    scenario_cancel(scenario.plan->requests - 1);
}

/* Each actor takes its own share: two cancels of one request would kick for each other. */
static void scenario_cancel_share(int actor) {
    for (int i = actor; i < scenario.plan->requests; i += scenario.plan->actors)
        scenario_cancel(i);
}

static void scenario_stop_port(int actor) {
    (void)actor;
    (void)ahci_port_stop(&scenario.port);
}

static void scenario_close(int actor) {
    (void)actor;
    (void)blockif_close(&scenario.closing);
}

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

static void scenario_tell(struct scenario_actor *actor, bool *what) {
    (void)pthread_mutex_lock(&actor->lock);
    *what = true;
    (void)pthread_cond_signal(&actor->told);
    (void)pthread_mutex_unlock(&actor->lock);
}

static const struct scenario_plan scenario_plans[] = {
    {.name = "pending",
     .purpose = "cancel a request that is still queued",
     .workers = 1,
     .requests = 2,
     .actors = 1,
     .gated = true,
     .ready = scenario_is_at_gate,
     .act = scenario_cancel_last},
    {.name = "asleep",
     .purpose = "cancel a request whose worker sleeps in its I/O",
     .workers = 1,
     .requests = 1,
     .actors = 1,
     .held = true,
     .ready = scenario_is_asleep,
     .act = scenario_cancel_first},
    {.name = "before",
     .purpose = "cancel a request that is claimed and has not entered its call",
     .workers = 1,
     .requests = 1,
     .actors = 1,
     .held = true,
     .gated = true,
     .ready = scenario_is_at_gate,
     .act = scenario_cancel_first},
    {.name = "finished",
     .purpose = "cancel a request that has completed",
     .workers = 1,
     .requests = 1,
     .actors = 1,
     .ready = scenario_is_vacant,
     .act = scenario_cancel_first},
    {.name = "storm",
     .purpose = "two threads cancel 64 requests at once",
     .workers = 8,
     .requests = 64,
     .actors = 2,
     .held = true,
     .ready = scenario_is_under_way,
     .act = scenario_cancel_share},
    {.name = "port-stop",
     .purpose = "stop a port with 32 commands in flight",
     .workers = 8,
     .requests = 32,
     .actors = 1,
     .held = true,
     .port = true,
     .ready = scenario_is_asleep,
     .act = scenario_stop_port},
    {.name = "close",
     .purpose = "close the disk with requests in flight",
     .workers = 8,
     .requests = 32,
     .actors = 1,
     .held = true,
     .closes = true,
     .ready = scenario_is_asleep,
     .act = scenario_close},
    {.name = "slow-trim",
     .purpose = "a guest resets its port while a TRIM takes too long",
     .workers = 1,
     .requests = 4,
     .actors = 1,
     .held = true,
     .port = true,
     .ready = scenario_is_asleep,
     .act = scenario_stop_port},
};

/* ------------------------------------------------------------------ a trial */

static bool scenario_all_returned(void) {
    bool all = true;
    for (int i = 0; i < scenario.plan->actors; i++)
        all &= atomic_load(&scenario.actor[i].returned);
    return all;
}

static bool scenario_all_acting(void) {
    bool all = true;
    for (int i = 0; i < scenario.plan->actors; i++)
        all &= atomic_load(&scenario.actor[i].acting);
    return all;
}

static int scenario_unanswered(void) {
    int unanswered = 0;
    for (int i = 0; i < scenario.plan->requests; i++) {
        const struct scenario_entry *entry = &scenario.entry[i];
        unanswered += atomic_load(&entry->calls) == 0 && entry->answer != 0;
    }
    return unanswered;
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

static void scenario_await(bool (*there)(void), const char *what) {
    struct sp_patience patience = {0};
    while (!there())
        sp_wait(scenario.sandbox, &patience, what);
    sp_beat(scenario.sandbox);
}

static bool scenario_all_answered(void) {
    return scenario_unanswered() == 0;
}

/* The event that stock bhyve's canceller waits for, made by hand so that the sandbox can go on. */
static bool scenario_rescued(void) {
    if (scenario.disk)
        blockif_acknowledge(scenario.disk);
    return scenario_all_returned();
}

static void scenario_begin_act(void) {
    for (int i = 0; i < scenario.plan->actors; i++) {
        atomic_store(&scenario.actor[i].acting, false);
        atomic_store(&scenario.actor[i].returned, false);
    }
    for (int i = 0; i < scenario.plan->actors; i++)
        scenario_tell(&scenario.actor[i], &scenario.actor[i].go);
}

/* What became of one request, given that its cancel returned. */
static enum sp_outcome scenario_judge(const struct scenario_entry *entry, bool stuck,
                                      bool handled) {
    int error = atomic_load(&entry->error);
    if (entry->answer == 0 || error == EINTR || error == ECANCELED)
        return SP_CANCELLED;
    if (entry->answer == EINVAL)
        return SP_COMPLETED;
    /* Lost: a kick did arrive in a handler, and yet the I/O went on until the device was released.
     */
    return stuck && handled ? SP_LOST : SP_WAITED;
}

static bool scenario_acted_on(int index) {
    bool only_last = scenario.plan->act == scenario_cancel_last;
    return !only_last || index == scenario.plan->requests - 1;
}

/* One outcome for the whole trial: the worst of its requests'. */
static enum sp_outcome scenario_sum_up(bool stuck, bool hung, bool handled) {
    static const enum sp_outcome worst[] = {SP_LOST, SP_WAITED, SP_CANCELLED};
    bool seen[SP_OUTCOMES] = {false};
    for (int i = 0; i < scenario.plan->requests; i++)
        if (scenario_acted_on(i))
            seen[scenario_judge(&scenario.entry[i], stuck, handled)] = true;
    if (scenario.broken)
        return SP_AMBIGUOUS;
    if (hung)
        return SP_HUNG;
    for (size_t i = 0; i < sizeof worst / sizeof worst[0]; i++)
        if (seen[worst[i]])
            return worst[i];
    return SP_COMPLETED;
}

/* From the call, or from when the worker was let go on, which until then no kick could end. */
static void scenario_latency(uint64_t from, uint64_t to) {
    uint64_t start = from > scenario.opened_ns ? from : scenario.opened_ns;
    uint64_t ns = to > start ? to - start : 0;
    sp_latency(scenario.sandbox->result, ns);
    if (scenario.settle_ns < 20 * ns)
        scenario.settle_ns = 20 * ns;
}

static void scenario_count_latency(void) {
    if (scenario.plan->port) {
        scenario_latency(scenario.actor[0].from, scenario.actor[0].to);
        return;
    }
    bool given_back = scenario.plan->act == scenario_cancel_last;
    for (int i = 0; i < scenario.plan->requests; i++)
        if (scenario.entry[i].to && (scenario.entry[i].answer == EBUSY || given_back))
            scenario_latency(scenario.entry[i].from, scenario.entry[i].to);
}

/* Exactly one answer a request: a callback, or a cancel that gave it back. */
static void scenario_check_answers(void) {
    for (int i = 0; i < scenario.plan->requests; i++) {
        const struct scenario_entry *entry = &scenario.entry[i];
        scenario.broken |= atomic_load(&entry->calls) + (entry->answer == 0) != 1;
    }
    if (scenario.broken)
        sp_text(scenario.sandbox->result->note, SP_TEXT_SIZE,
                "a request was not answered exactly once");
}

static int scenario_open_disk(void);

/* The guest resets its port: afterwards it must be as good as new. */
static void scenario_revive_port(void) {
    ahci_port_start(&scenario.port);
    scenario_prepare(0);
    scenario.entry[0].request.operation = BLOCKIF_READ;
    scenario.entry[0].request.count = 1;
    scenario.entry[0].request.length = SCENARIO_BYTES;
    scenario.broken |= scenario_issue(0) != 0;
    scenario_await(scenario_all_answered, "waiting for the port to come back");
    scenario.broken |= atomic_load(&scenario.entry[0].error) != 0;
}

static void scenario_leave_as_found(void) {
    if (scenario.plan->closes) {
        scenario_clear_seats(scenario.plan->actors);
        scenario.broken |= scenario_open_disk() != 0;
        return;
    }
    if (scenario.plan->port)
        scenario_revive_port();
    scenario_await(scenario_is_vacant, "waiting for the disk to be idle");
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
    scenario_check_answers();
    enum sp_outcome outcome = scenario_sum_up(sight->stuck, sight->hung, handled > 0);
    if (outcome == SP_CANCELLED)
        scenario_count_latency();
    if (outcome == SP_CANCELLED && sight->stuck)
        result->late++;
    if (outcome == SP_HUNG)
        sp_text(result->note, SP_TEXT_SIZE, "cancel had not even returned when the I/O had ended");
    scenario_leave_as_found();
    sp_record(scenario.sandbox, outcome);
}

static void scenario_trial(struct sp_sandbox *sandbox) {
    struct scenario_sight sight = {0};
    scenario.sandbox = sandbox;
    scenario_set_up();
    scenario_watch_act(&sight);
    scenario_release(&sight);
    scenario_count(&sight);
}

/* ------------------------------------------------------------------ the case */

static const char *const scenario_operations[] = {"read", "write", "flush", "delete"};

struct scenario_backend {
    const char *name;
    bool holds; /* it can be told to stall */
    int (*open)(struct blockif_device **device);
    const char *(*gate)(void); /* why it cannot be had here, or NULL */
};

static int scenario_open_stalled(struct blockif_device **device) {
    return device_stalled_open(device, SCENARIO_SIZE, scenario.plan->workers, &scenario.watch);
}

static void scenario_path(char *out, size_t size) {
    sp_text(out, size, "%s/disk", scenario.sandbox->dir);
}

static int scenario_open_file(struct blockif_device **device) {
    static const struct blockif_options plain;
    char path[160];
    scenario_path(path, sizeof path);
    int fd = scenario.sandbox->dir[0] ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return scenario.sandbox->dir[0] ? errno : ENOENT;
    int failed = ftruncate(fd, SCENARIO_SIZE) ? errno : 0;
    (void)close(fd);
    return failed ? failed : device_file_open(device, path, &plain);
}

static int scenario_open_fuse(struct blockif_device **device) {
    char path[160];
    scenario_path(path, sizeof path);
    return scenario.sandbox->dir[0] ? device_fuse_open(device, path, SCENARIO_SIZE, &scenario.watch)
                                    : ENOENT;
}

static const char *scenario_no_gate(void) {
    return NULL;
}

static const struct scenario_backend scenario_backends[] = {
    {"stalled", true, scenario_open_stalled, scenario_no_gate},
    {"file", false, scenario_open_file, scenario_no_gate},
    {"fuse", true, scenario_open_fuse, device_fuse_gate},
};

struct scenario_case {
    char kick[32];
    const struct scenario_backend *backend;
    const struct scenario_plan *plan;
    int operation;
};

/* Copies the next part of an id and steps over it. */
static const char *scenario_part(const char *id, char *out, size_t size) {
    size_t length = strcspn(id, "/");
    size_t kept = length < size - 1 ? length : size - 1;
    memcpy(out, id, kept);
    out[kept] = '\0';
    return id + length + (id[length] == '/');
}

static int scenario_unknown(char *reason, size_t size, const char *axis, const char *word) {
    sp_text(reason, size, "no %s is called '%s'", axis, word);
    return SP_ERROR;
}

static int scenario_parse(const char *id, struct scenario_case *c, char *reason, size_t size) {
    char operation[16], backend[16], plan[16];
    memset(c, 0, sizeof *c);
    c->operation = -1;
    id = scenario_part(id + strlen("blockif/"), c->kick, sizeof c->kick);
    id = scenario_part(id, operation, sizeof operation);
    id = scenario_part(id, backend, sizeof backend);
    id = scenario_part(id, plan, sizeof plan);
    for (int i = 0; i < 4; i++)
        if (strcmp(scenario_operations[i], operation) == 0)
            c->operation = i;
    for (size_t i = 0; i < sizeof scenario_backends / sizeof scenario_backends[0]; i++)
        if (strcmp(scenario_backends[i].name, backend) == 0)
            c->backend = &scenario_backends[i];
    for (size_t i = 0; i < sizeof scenario_plans / sizeof scenario_plans[0]; i++)
        if (strcmp(scenario_plans[i].name, plan) == 0)
            c->plan = &scenario_plans[i];
    if (c->operation < 0)
        return scenario_unknown(reason, size, "operation", operation);
    if (!c->backend)
        return scenario_unknown(reason, size, "backend", backend);
    return c->plan && !*id ? SP_MEASURED : scenario_unknown(reason, size, "scenario", plan);
}

static bool scenario_needs_hold(const struct scenario_plan *plan) {
    return plan->ready == scenario_is_asleep;
}

static int scenario_refuse(char *reason, size_t size, const char *why) {
    sp_text(reason, size, "%s", why);
    return SP_UNSUPPORTED;
}

static int scenario_check(const char *id, char *reason, size_t size) {
    struct scenario_case c;
    const char *gate;
    int status = scenario_parse(id, &c, reason, size);
    if (status != SP_MEASURED)
        return status;
    const struct blockif_kick *kick = sp_find(SP_KIND_KICK, c.kick, &gate);
    if (!kick)
        return gate ? scenario_refuse(reason, size, gate)
                    : scenario_unknown(reason, size, "kick", c.kick);
    if (strcmp(c.plan->name, "slow-trim") == 0 && c.operation != BLOCKIF_DELETE)
        return scenario_refuse(reason, size, "slow-trim is about delete");
    if (!c.backend->holds && scenario_needs_hold(c.plan))
        return scenario_refuse(reason, size, "a local file cannot be told to stall");
    if (kick->pollable && strcmp(c.backend->name, "stalled") != 0)
        return scenario_refuse(reason, size,
                               "a file is always ready for poll: the gate stays open");
    bool alone = c.operation == BLOCKIF_FLUSH || c.operation == BLOCKIF_DELETE;
    if (alone && c.plan->workers > 1 && strcmp(c.backend->name, "fuse") == 0)
        return scenario_refuse(reason, size, "one fsync or fallocate at a time enters a FUSE file");
    gate = c.backend->gate();
    return gate ? scenario_refuse(reason, size, gate) : SP_MEASURED;
}

/* ------------------------------------------------------------------ setting up */

static bool scenario_all_seated(void) {
    int seated = 0;
    for (int i = 0; i < SCENARIO_SEATS; i++)
        seated += atomic_load(&scenario.seat[i].ready);
    return seated == atomic_load(&scenario.watch.created);
}

static int scenario_open_disk(void) {
    struct scenario_case c;
    char reason[SP_TEXT_SIZE];
    (void)scenario_parse(scenario.sandbox->request->id, &c, reason, sizeof reason);
    struct blockif_options options = {.kick = c.kick, .workers = scenario.plan->workers};
    int failed = c.backend->open(&scenario.device);
    if (!failed)
        failed = blockif_open_device(&scenario.disk, scenario.device, &options, &scenario.watch);
    if (!failed && scenario.plan->port) {
        ahci_port_open(&scenario.port, scenario.disk);
        scenario.port.interrupt = scenario_interrupt;
    }
    if (!failed)
        scenario_await(scenario_all_seated, "waiting for the disk's threads");
    return failed;
}

static int scenario_hire(int index) {
    struct scenario_actor *actor = &scenario.actor[index];
    actor->index = index;
    (void)pthread_mutex_init(&actor->lock, NULL);
    (void)pthread_cond_init(&actor->told, NULL);
    return blockif_thread(&actor->thread, scenario_run_actor, actor, &scenario.watch);
}

static void scenario_look_for_tracer(void) {
    char name[32];
    struct sp_result *result = scenario.sandbox->result;
    if (!sp_tracer(name, sizeof name))
        return;
    result->traced = 1;
    sp_text(result->note, SP_TEXT_SIZE,
            "traced by %s: a traced process does not drop ignored signals", name);
}

static int scenario_begin(struct sp_sandbox *sandbox) {
    struct scenario_case c;
    int status = scenario_parse(sandbox->request->id, &c, sandbox->result->reason, SP_TEXT_SIZE);
    if (status != SP_MEASURED)
        return status;
    memset(&scenario, 0, sizeof scenario);
    scenario.sandbox = sandbox;
    scenario.plan = c.plan;
    scenario.operation = c.operation;
    scenario.kick = sp_find(SP_KIND_KICK, c.kick, NULL);
    scenario.watch =
        (struct blockif_watch){scenario_started, scenario_leaving, scenario_claimed, 0};
    scenario.settle_ns = SCENARIO_SETTLE_NS;
    scenario.method =
        sp_reader()->level > SP_LEVEL_NONE && sp_reader()->sender_wakes ? SP_OBSERVED : SP_SETTLED;
    sandbox->result->method = (int32_t)scenario.method;
    scenario_look_for_tracer();
    int failed = 0;
    for (int i = 0; i < c.plan->actors && !failed; i++) {
        failed = scenario_hire(i);
        if (!failed)
            scenario_await(scenario_all_seated, "waiting for an actor"); /* seats in their order */
    }
    if (!failed)
        failed = scenario_open_disk();
    if (failed == ENOSYS)
        return sp_fail(sandbox, SP_UNSUPPORTED, "%s: not here (%s)", c.kick, strerror(failed));
    return failed ? sp_fail(sandbox, SP_ERROR, "cannot set up the disk: %s", strerror(failed)) : 0;
}

static void scenario_end(struct sp_sandbox *sandbox) {
    (void)sandbox;
    scenario_look_for_tracer();
    (void)blockif_close(&scenario.disk);
    for (int i = 0; i < scenario.plan->actors; i++) {
        scenario_tell(&scenario.actor[i], &scenario.actor[i].end);
        (void)pthread_join(scenario.actor[i].thread, NULL);
    }
}

static struct sp_experiment scenario_experiment = {"blockif_ref",  "blockif/",     scenario_check,
                                                   scenario_begin, scenario_trial, scenario_end};

__attribute__((constructor)) static void scenario_register(void) {
    sp_add_experiment(&scenario_experiment);
}
