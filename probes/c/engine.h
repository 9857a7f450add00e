/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the engine know of each other: a call, a watcher, a sender, a reader of thread
 * states and an experiment are each a table of functions that a small file registers.
 *
 * File-scope names begin with the name of their file, because the kit puts all files into one. */
#ifndef SIGPROBE_ENGINE_H
#define SIGPROBE_ENGINE_H

/* What hides behind -std=c11 on each platform; this header therefore comes first in every file. */
#if defined(__linux__)
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#elif defined(__NetBSD__)
#define _NETBSD_SOURCE
#elif defined(__OpenBSD__)
#define _BSD_SOURCE
#elif defined(__sun)
#ifndef __EXTENSIONS__
#define __EXTENSIONS__
#define _POSIX_PTHREAD_SEMANTICS
#endif
/* Without it <signal.h> declares a sigwait with one argument. */
#ifndef _POSIX_PTHREAD_SEMANTICS
#define _POSIX_PTHREAD_SEMANTICS
#endif
#endif

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sigprobe.h"

/* ------------------------------------------------------------------ thread states */

enum sp_level { SP_LEVEL_NONE, SP_LEVEL_STATE, SP_LEVEL_LABEL, SP_LEVEL_CALL };

enum sp_state { SP_STATE_UNKNOWN, SP_STATE_RUNNING, SP_STATE_ASLEEP, SP_STATE_STOPPED };

/* In what a thread sleeps, as its kernel names it. Compared for equality, never interpreted. */
struct sp_where {
    long number;    /* system call number, or 0 */
    char label[24]; /* wait label, or empty */
};

/* What a reader keeps to look at one thread. */
struct sp_seat {
    long thread; /* the kernel's own number of it */
    int fd[2];
};

struct sp_reader {
    const char *name;
    enum sp_level level;
    bool sender_wakes; /* the sleeper is runnable when pthread_kill returns: see semantics F.2 */
    int (*sit)(struct sp_seat *seat); /* called by the thread itself; 0 or an errno */
    enum sp_state (*look)(const struct sp_seat *seat,
                          struct sp_where *where); /* where may be NULL */
    int (*pending)(const struct sp_seat *seat,
                   int signal); /* deliverable to it: 1, 0; -1 unknown */
    void (*leave)(struct sp_seat *seat);
};

/* The reader in use: the most telling one that, tried on a thread of its own, saw it fall asleep
 * and leave; "none" as a last resort. Tried once in a process, or in its sandbox. */
const struct sp_reader *sp_reader(void);

/* Fills `out` with the name of the program that traces this process; false where none does.
 * A traced process does not drop ignored signals (FreeBSD tdsendsignal, Linux sig_ignored). */
bool sp_tracer(char *out, size_t size);

/* Whether this process runs under a look-alike of its kernel: "gvisor", "qemu-user", "uml", "wsl1",
 * "lx"; "unknown" where only a foreign processor gives it away. */
bool sp_emulated_by(const char *name);

/* ------------------------------------------------------------------ waiting */

/* A busy wait that gives the processor away once spinning has no hope left. It decides nothing:
 * whoever waits goes on until what it waits for is there or the sandbox ends it. */
struct sp_patience {
    uint64_t spins;
    const _Atomic int *awaited_cpu; /* where the awaited thread last ran; NULL: not known */
};
void sp_relax(struct sp_patience *patience);

unsigned sp_cpus(void);     /* processors that this process may use, at least 1 */
int sp_cpu(void);           /* the processor that the caller runs on, -1 where none can be told */
void sp_pin(unsigned rank); /* keeps the calling thread on the rank-th of them, where it can */
uint64_t sp_now(void);      /* CLOCK_MONOTONIC, ns */
uint64_t sp_ticket(void);   /* next place in the order that all threads of the sandbox share */

/* ------------------------------------------------------------------ calls */

/* What one thread's call works on. Each call lays its own structure over `space`. */
struct sp_object {
    _Alignas(16) unsigned char space[1024];
    int index;        /* 0 the target's, 1 the bystander's */
    const char *dir;  /* a private folder that the sandbox removes */
    int signal;       /* the tested signal */
    int rescue;       /* the reserved signal that ends calls which nothing else ends */
    sigset_t swapped; /* mask for calls that take one: the thread's own, less the tested signal */
    sigset_t awaited; /* set for the sigwait family: rescue, and the tested signal where blocked */
};

/* What open gives back: 0 for a result that is not -1, else errno. */
static inline int sp_error(long result) {
    return result == -1 ? errno : 0;
}

/* A call's own structure, in the object's space; one that does not fit does not compile. */
#define SP_SPACE(type, object)                                                                     \
    ((type *)(void *)((object)->space +                                                            \
                      0 * sizeof(char[sizeof(type) <= sizeof((object)->space) ? 1 : -1])))

struct sp_call {
    const char *name;
    const char *purpose;                       /* "read from an empty pipe" */
    int (*open)(struct sp_object *object);     /* 0, or the errno that makes it unsupported */
    long (*enter)(struct sp_object *object);   /* the blocking call: its result, or -1 with errno */
    void (*release)(struct sp_object *object); /* NULL: the rescue signal releases it */
    int (*reset)(struct sp_object *object, long result); /* after a return, so that enter blocks
                                                            again; NULL where nothing is to do */
    void (*close)(struct sp_object *object);
    bool awaits; /* of the sigwait family: awaited signals are blocked in its thread */
};

/* Two ends of a pipe or a socket, for calls that read at the first or write at the second: all that
 * such a call lays over its space, or the first member of it. */
struct sp_ends {
    int end[2];
    bool released; /* since the last reset */
};
int sp_ends_pipe(struct sp_object *object);    /* 0 or errno */
int sp_ends_sockets(struct sp_object *object); /* of a stream; 0 or errno */

/* For calls that wait for a byte: the release, and the reset of a call that takes the byte and of
 * one that leaves it. */
void sp_ends_put(struct sp_object *object);
int sp_ends_retrieve(struct sp_object *object, long result);
int sp_ends_drain(struct sp_object *object, long result);

/* For calls that wait for room: the filling at the start, the release, and the reset. */
int sp_ends_fill(struct sp_object *object); /* 0 or errno */
void sp_ends_make_room(struct sp_object *object);
int sp_ends_refill(struct sp_object *object, long result);

/* A child process of the sandbox that does nothing until it is ended or the sandbox has gone,
 * killed or not; then it calls `last(value)`, if there is one, and exits. For a call's open and
 * close. */
struct sp_helper {
    pid_t process;
    int fd;
};
int sp_helper_start(struct sp_helper *helper, void (*last)(int value), int value); /* 0 or errno */
void sp_helper_end(struct sp_helper *helper);

/* ------------------------------------------------------------------ senders */

struct sp_aim {
    pthread_t thread;
    int signal;
};

struct sp_sender {
    const char *name;
    const char *purpose;
    bool directed;                         /* at a thread, not at the process */
    bool by_target;                        /* the target sends it to itself */
    int (*send)(const struct sp_aim *aim); /* 0 or an errno */
};

/* ------------------------------------------------------------------ watchers */

struct sp_watch {
    _Alignas(16) unsigned char space[512];
    int signal;
    int nudge; /* a reserved signal, for watchers that only signals can wake */
    pthread_t thread;
    _Atomic uint64_t sighted;  /* sightings so far; its first of a trial also draws a ticket */
    _Atomic uint64_t ticket;   /* of the first sighting since the last nudge, 0 none */
    _Atomic uint64_t answered; /* nudges answered so far */
};

struct sp_watcher {
    const char *name;
    const char *purpose;
    int (*open)(struct sp_watch *watch);   /* in the watcher's thread; 0 or an errno */
    void (*wait)(struct sp_watch *watch);  /* blocks; reports by sp_sighted and sp_answered */
    void (*nudge)(struct sp_watch *watch); /* from the controller: makes wait return */
    bool takes; /* what it sees is pending no more, so no handler will run for it */
    bool
        dispatched; /* by a thread of a library, in its own time: a nudge may overtake a sighting */
    void (*close)(struct sp_watch *watch);
};

/* The watcher saw the tested signal. First thing to call in user space. */
void sp_sighted(struct sp_watch *watch);

/* The watcher has met a nudge and found nothing more to see. An event that was posted before the
 * nudge has been seen by now, so an empty hand here is proof, not a time-out. */
void sp_answered(struct sp_watch *watch);

/* ------------------------------------------------------------------ sandbox and experiments */

/* Closes every descriptor from `lowest` on. For a forked child. */
void sp_close_from(int lowest);

/* What parent and child share: anonymous memory, so that it outlives the child. */
struct sp_shared {
    struct sp_result result;     /* written by the child's leader, between trials */
    _Atomic uint64_t beats;      /* progress: one more for each step towards a verdict */
    _Atomic uint64_t polls;      /* looks taken while waiting: shows that the child gets to run */
    _Atomic int begun;           /* the experiment has begun: trials are under way */
    _Atomic int signal;          /* the tested signal, of which the child may die */
    _Atomic int sent;            /* it is on its way: a death may be its doing */
    _Atomic int reached;         /* and the trial had reached its situation */
    _Atomic int stop;            /* the parent wants no further trial */
    _Atomic int stopped;         /* the parent saw the child stopped in this trial */
    _Atomic(const char *) doing; /* what the leader waits for (a literal: valid in both) */
};

/* The child's view of its sandbox. */
struct sp_sandbox {
    struct sp_shared *shared;
    struct sp_result *result; /* &shared->result */
    const struct sp_request *request;
    char dir[128]; /* private folder, removed by the parent; empty where none can be made */
    pid_t parent;
};

/* What a sandbox can run. `check` is called in the caller's process; the rest in the child, by its
 * leader. After a death or a hang the child is forked anew and begin is called again. */
struct sp_experiment {
    const char *sources; /* whose hash is part of its cases' definition, see sp_definition */
    const char *prefix;  /* ids that start with it are its own; "" takes the rest */
    int (*check)(const char *id, char *reason, size_t size);
    int (*begin)(struct sp_sandbox *sandbox);  /* 0, or enum sp_status with result->reason filled */
    void (*trial)(struct sp_sandbox *sandbox); /* one trial; ends with sp_record */
    void (*end)(struct sp_sandbox *sandbox);
};

/* Counts one trial. */
void sp_record(struct sp_sandbox *sandbox, enum sp_outcome outcome);

/* Adds one latency to the histogram. */
void sp_latency(struct sp_result *result, uint64_t ns);

/* One round of a wait of the leader: counts a poll, relaxes, ends the child when its parent is
 * gone. `what` is shown if the wait never ends. */
void sp_wait(struct sp_sandbox *sandbox, struct sp_patience *patience, const char *what);

/* Says that something moved towards a verdict. */
void sp_beat(struct sp_sandbox *sandbox);

/* Fills result->reason like printf does with %s and %d only, and returns `status`. */
int sp_fail(struct sp_sandbox *sandbox, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ------------------------------------------------------------------ registration */

/* Each registers itself before main: a new file needs no list to be edited. The constructor
 * attribute is gcc's and clang's, on ELF and Mach-O alike. */
struct sp_entry {
    const char *name;
    const char *purpose;
    const void *table; /* NULL where the platform lacks it */
    const char *gate;  /* why it lacks it */
    struct sp_entry *next;
};
void sp_add(unsigned kind, struct sp_entry *entry);

/* The table of that name, or NULL; then `gate`, if it is not NULL, is set to the reason: a gate for
 * a name that this platform lacks, NULL for one that nobody knows. */
const void *sp_find(unsigned kind, const char *name, const char **gate);
void sp_add_reader(const struct sp_reader *reader);
void sp_add_experiment(struct sp_experiment *experiment);

/* The experiment whose prefix fits the id best, or NULL. */
const struct sp_experiment *sp_experiment_of(const char *id);

#define SP_REGISTER(kind, ident)                                                                   \
    static struct sp_entry ident##_entry;                                                          \
    __attribute__((constructor)) static void ident##_register(void) {                              \
        ident##_entry.name = ident.name;                                                           \
        ident##_entry.purpose = ident.purpose;                                                     \
        ident##_entry.table = &ident;                                                              \
        sp_add(kind, &ident##_entry);                                                              \
    }                                                                                              \
    struct sp_entry /* takes the semicolon after the macro */

/* The other branch of a file whose subject this platform lacks. */
#define SP_ABSENT(kind, ident, name_, purpose_, gate_)                                             \
    static struct sp_entry ident##_entry = {name_, purpose_, NULL, gate_, NULL};                   \
    __attribute__((constructor)) static void ident##_register(void) {                              \
        sp_add(kind, &ident##_entry);                                                              \
    }                                                                                              \
    struct sp_entry

#define SP_CALL(ident) SP_REGISTER(SP_KIND_CALL, ident)
#define SP_SENDER(ident) SP_REGISTER(SP_KIND_SENDER, ident)
#define SP_WATCHER(ident) SP_REGISTER(SP_KIND_WATCHER, ident)

#endif
