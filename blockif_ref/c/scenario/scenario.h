/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of a scenario know of each other. One sandbox has one trial at a time. */
#ifndef BLOCKIF_SCENARIO_H
#define BLOCKIF_SCENARIO_H

#include "../inside.h"

#include "../ahci_port.h"

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
    bool last;              /* the act is to cancel the last request, and only that */
    bool sleeps;            /* the situation needs a device that can be held */
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

extern struct scenario_state scenario;

/* case.c: what an id means. Both return a status; the reason says why it is not SP_MEASURED. */
struct scenario_backend {
    const char *name;
    bool holds; /* it can be told to stall */
    int (*open)(struct blockif_device **device);
    const char *(*gate)(void); /* why it cannot be had here, or NULL */
};

struct scenario_case {
    char kick[32];
    const struct scenario_backend *backend;
    const struct scenario_plan *plan;
    int operation;
};

int scenario_parse(const char *id, struct scenario_case *c, char *reason, size_t size);
int scenario_check(const char *id, char *reason, size_t size);

/* plans.c: situations and acts. */
const struct scenario_plan *scenario_plan_of(const char *name);
bool scenario_is_vacant(void);

/* seats.c: where the threads are. The first three are the disk's watch. */
void scenario_started(struct blockif_watch *watch);
void scenario_leaving(struct blockif_watch *watch);
void scenario_claimed(struct blockif_worker *worker);
bool scenario_all_seated(void);
void scenario_clear_seats(int first);
struct scenario_pulse scenario_pulse(void);
bool scenario_rests(int seat);
bool scenario_rest_from(int first);
bool scenario_nothing_pending(void);
bool scenario_settled(const struct scenario_pulse *before);
bool scenario_at_rest(void);

/* requests.c: handing them in, and their answers. */
void scenario_prepare(int index);
int scenario_issue(int slot);
void scenario_submit(void);
void scenario_interrupt(struct ahci_port *port, int slot);
void scenario_hold(bool held);
bool scenario_all_answered(void);

/* actors.c: the threads that cancel. */
int scenario_hire(int index);
void scenario_dismiss(int index);
void scenario_begin_act(void);
bool scenario_all_acting(void);
bool scenario_all_returned(void);

/* judge.c: what became of the requests. A trial that is broken, for an errno or 0, is ambiguous. */
void scenario_break(const char *why, int error);
void scenario_check_answers(void);
enum sp_outcome scenario_sum_up(bool stuck, bool hung, bool handled);
void scenario_count_latency(void);

/* trial.c: from the situation to the outcome. */
void scenario_await(bool (*there)(void), const char *what);
void scenario_trial(struct sp_sandbox *sandbox);

/* begin.c: the disk, with its threads seen. 0 or an errno. */
int scenario_open_disk(void);

#endif
