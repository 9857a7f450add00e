/* SPDX-License-Identifier: BSD-2-Clause */
/* One trial's state and the steps that it is made of. The child's leader is controller and sender;
 * the target and the bystander each go round a loop: wait for a turn, enter the call, note what it
 * returned. They wait by spinning, never asleep, so a sleep that the kernel shows between `entries`
 * and `returns` can only be the call's. */
#ifndef SIGPROBE_TRIAL_H
#define SIGPROBE_TRIAL_H

#include "case.h"
#include "outcome.h"

struct trial_actor {
    struct sp_object object;
    struct sp_seat seat;
    struct sp_where where; /* in what the kernel shows it asleep, as learned at the start */
    pthread_t thread;
    sigset_t mask;            /* it puts this on at its next turn */
    _Atomic int seated;       /* 1 after it sat down, -errno when it could not */
    _Atomic int cpu;          /* where it last ran, by its own word */
    _Atomic uint64_t turn;    /* turns granted by the controller */
    _Atomic uint64_t entries; /* turns in which it has reached its call */
    _Atomic uint64_t returns; /* turns in which its call has returned */
    _Atomic uint32_t runs;    /* handler runs in its thread */
    _Atomic uint32_t rescues; /* rescue handler runs in its thread */
    uint32_t runs_at_entry;   /* from here on: its own, read by others after `returns` */
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
    _Atomic int leader_cpu;      /* where the leader last ran */
    _Atomic int approach;        /* enum sp_timing in force: controls are always asleep */
    bool sweeps;                 /* the case's timing is sweep */
    _Atomic int send_error;      /* why the last send failed; 0 if it did not */
    int64_t offset_ns;           /* sweep: entry minus send */
    uint64_t sent_ns;
    uint64_t settle_ns; /* method settled: the waiting time */
    uint64_t worst_ns;  /* and the worst wake-up seen */
    enum sp_method method;
};

/* Counters at one moment. */
struct trial_counts {
    uint32_t target, bystander, other;
    uint64_t bystander_returns;
    uint64_t sighted;
};

/* One sandbox has one trial at a time, and a handler has to find it. */
extern struct trial trial_state;

/* actor.c: what runs in the threads of target, bystander and watcher. */
int trial_install(int signal, void (*handler)(int), int flags);
void trial_dispose(const struct sp_case *c);
void trial_rescue_handler(int signal);
void trial_spin_until(uint64_t clock);
void *trial_actor_main(void *argument);
void *trial_watcher_main(void *argument);

/* rest.c: where target and bystander are, by the kernel's word. */
bool trial_returned(const struct trial_actor *actor);
bool trial_entered(const struct trial_actor *actor);
bool trial_same_place(const struct sp_where *a, const struct sp_where *b);
bool trial_asleep(const struct trial_actor *actor);
bool trial_blind(void);

/* For the leader's next wait for that thread; tells the others where the leader runs. */
struct sp_patience trial_patience(const struct trial_actor *actor);
bool trial_in_place(const struct trial_actor *actor);
void trial_await_place(struct sp_sandbox *s, const struct trial_actor *actor);
void trial_await_asleep(struct sp_sandbox *s, const struct trial_actor *actor);
struct trial_counts trial_count(const struct trial *t);
uint32_t trial_runs_since(const struct trial *t, const struct trial_counts *before);
bool trial_handler_done(const struct trial *t, const struct trial_counts *before);
bool trial_rests(const struct trial *t, const struct trial_counts *before);

/* Lets that time go by. */
void trial_pass(struct sp_sandbox *s, uint64_t ns, const char *what);

/* Waits until the target has returned or is at rest; true where only the waiting time says so. */
bool trial_rest(struct sp_sandbox *s, const struct trial *t, const struct trial_counts *before);

/* Method settled: a wake-up was seen that took so long. Says whether the waiting time is at least
 * twenty times that, and makes it twenty times the worst one seen so far. */
bool trial_waits_enough(struct trial *t, uint64_t wake_up_ns);

/* send.c: the ways to bring the target into its situation and to send. True where the trial has
 * reached what it is about. */
void trial_grant(struct trial_actor *actor);
bool trial_send_in_time(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before);

/* trial.c: from the send to the verdict. */
void trial_rescue(const struct trial_actor *actor);
void trial_release(struct sp_sandbox *s, struct trial *t);
enum sp_end trial_end_of(const struct trial *t, bool released);
void trial_gather(struct sp_sandbox *s, struct trial *t, const struct trial_counts *before,
                  struct sp_evidence *e);
void trial_reset(struct trial *t);
void trial_seat_bystander(struct sp_sandbox *s, struct trial *t);
void trial_look_for_tracer(struct sp_sandbox *s);
void trial_run(struct sp_sandbox *s);

/* begin.c: threads, calibration, controls. */
int trial_begin(struct sp_sandbox *s);

#endif
