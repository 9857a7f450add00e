/* SPDX-License-Identifier: BSD-2-Clause */
/* What a caller of the engine sees: ask for names, check a case, run it, take the result.
 *
 * One run is: sp_start (forks the sandbox), sp_poll until it says 0, sp_finish. Every structure
 * here has a ctypes twin in probes/engine.py; a test holds the two against each other. */
#ifndef SIGPROBE_H
#define SIGPROBE_H

#include <stddef.h>
#include <stdint.h>

#define SP_VERSION "0.1.0"

enum {
    SP_ID_SIZE = 192,   /* bytes of a case id, the final NUL included */
    SP_TEXT_SIZE = 256, /* bytes of a reason or a note */
    SP_BUCKETS = 640,   /* log-linear: 16 to a power of two, from 0 ns to 2^43 ns */
    SP_STEPS = 81       /* offsets of one sweep, at most */
};

enum sp_outcome {
    SP_INTERRUPTED,
    SP_RESTARTED,
    SP_UNDISTURBED,
    SP_LOST,
    SP_RETURNED,
    SP_ELSEWHERE,
    SP_KILLED,
    SP_STOPPED,
    SP_AMBIGUOUS,
    SP_HUNG,
    SP_CANCELLED, /* from here on: the reference port's own */
    SP_COMPLETED,
    SP_WAITED,
    SP_OUTCOMES
};

enum sp_sighting { SP_SEEN, SP_MISSED, SP_WATCHER_FIRST, SP_TARGET_FIRST, SP_SIGHTINGS };

enum sp_runner { SP_TARGET, SP_BYSTANDER, SP_OTHER, SP_RUNNERS }; /* whose thread ran the handler */

enum sp_method { SP_OBSERVED, SP_CONTROL, SP_SETTLED };

enum sp_status { SP_MEASURED, SP_UNSUPPORTED, SP_ERROR };

/* What can be asked for by name. */
enum sp_kind {
    SP_KIND_CALL,
    SP_KIND_SENDER,
    SP_KIND_WATCHER,
    SP_KIND_SIGNAL,
    SP_KIND_KICK,
    SP_KINDS
};

struct sp_request {
    char id[SP_ID_SIZE];
    uint64_t trials;
    uint64_t seed;
    uint64_t patience_ms;   /* no progress for so long, though polled: hung; 0 is 10,000 */
    int64_t sweep_first_ns; /* offset of the first step; only for timing "sweep" */
    int64_t sweep_step_ns;
    uint64_t sweep_steps; /* 0 is the engine's own range */
};

struct sp_result {
    char id[SP_ID_SIZE];
    char definition[24];
    char reason[SP_TEXT_SIZE]; /* why unsupported or error; empty when measured */
    char note[SP_TEXT_SIZE];   /* a remark beside a measured case, or empty */
    char where[64]; /* how the reader named the sleep in the call: "syscall 0", "piperd" */
    int32_t status; /* enum sp_status */
    int32_t method; /* enum sp_method */
    int32_t traced; /* 1: a tracer was attached, no verdict may be drawn */
    int32_t reserved;
    uint64_t trials;
    uint64_t reached;
    uint64_t late;
    uint64_t kicks;
    uint64_t outcomes[SP_OUTCOMES];
    uint64_t sightings[SP_SIGHTINGS];
    uint64_t handler[SP_RUNNERS];
    uint64_t latency_max_ns;
    uint64_t latency[SP_BUCKETS];
    uint64_t nanoseconds; /* wall time of the whole run */
    int64_t sweep_first_ns;
    int64_t sweep_step_ns;
    uint64_t sweep_steps;
    uint64_t sweep[SP_STEPS][SP_OUTCOMES];
};

/* What the engine knows of this machine. */
struct sp_machine {
    char reader[32];    /* the thread-state reader in use: "linux-proc", ... */
    char level[16];     /* "call", "label", "state" or "none" */
    char libc[32];      /* "glibc-2.36", "musl", "libsystem", "libc" */
    char compiler[64];  /* what built the engine, as its own macros name it */
    char emulation[32]; /* "gvisor", "qemu-user", "uml", ... or empty */
    char tracer[32];    /* the program that traces this process, or empty */
    char kqueue[16];    /* "native", "libkqueue" or empty */
    char cpu[16];       /* machine for which the engine was built: "x86_64", ... */
    uint64_t cpus;      /* processors that this process may use */
};

struct sp_run; /* a run under way */

const char *sp_version(void);

/* The name of an outcome, sighting, runner, method or status; NULL past the last. */
const char *sp_outcome_name(unsigned outcome);
const char *sp_sighting_name(unsigned sighting);
const char *sp_runner_name(unsigned runner);
const char *sp_method_name(unsigned method);
const char *sp_status_name(unsigned status);

/* The number of names of a kind that this build knows, and the one at an index (sorted by name;
 * NULL past the last); sp_purpose is a phrase that says what it is, NULL for an unknown name. */
size_t sp_count(unsigned kind);
const char *sp_name(unsigned kind, size_t index);
const char *sp_purpose(unsigned kind, const char *name);

/* A signal's number by its name ("SIGCONT", "SIGRTMIN+2"), or 0. */
int sp_signal_number(const char *name);

/* Smallest value in ns that falls into a latency bucket. */
uint64_t sp_bucket_floor(unsigned bucket);

/* SP_MEASURED when the case can be run here; otherwise SP_UNSUPPORTED (a gate: the machine lacks
 * it) or SP_ERROR (no such case), and `reason`, of `size` bytes, says why. */
int sp_check(const char *id, char *reason, size_t size);

/* The 16 hexadecimal digits that stand for how this case is measured: results are merged only
 * where they are equal. `out` has room for 17 bytes. */
void sp_definition(const char *id, char *out);

void sp_machine(struct sp_machine *out);

/* Forks the sandbox of one case and returns at once; NULL with errno when that fails. */
struct sp_run *sp_start(const struct sp_request *request);

/* Waits up to `milliseconds` and looks after the sandbox; 1 while it is under way, 0 when done. */
int sp_poll(struct sp_run *run, int milliseconds);

/* Trials counted so far. */
uint64_t sp_progress(const struct sp_run *run);

/* Asks the sandbox to end after the trial in hand; go on polling. */
void sp_stop(struct sp_run *run);

/* Ends what is left, gives the result, frees the run. `out` may be NULL. */
void sp_finish(struct sp_run *run, struct sp_result *out);

#endif
