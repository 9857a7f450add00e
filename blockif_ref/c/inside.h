/* SPDX-License-Identifier: BSD-2-Clause */
/* What the block layer's parts know of each other: devices, kicks, and whoever puts them to the
 * test. A kick is a table of functions in a small file of its own, and so is a device. */
#ifndef BLOCKIF_INSIDE_H
#define BLOCKIF_INSIDE_H

#include "engine.h" /* first: it sets the feature macros */

#include "blockif.h"

#include <pthread.h>
#include <stdatomic.h>

/* ------------------------------------------------------------------ elements */

enum blockif_state {
    BLOCKIF_FREE,
    BLOCKIF_BLOCKED, /* starts where one ahead of it ends, so it waits for that one */
    BLOCKIF_PENDING,
    BLOCKIF_BUSY,
    BLOCKIF_DONE /* its call has ended, its callback may be running */
};

struct blockif_element {
    struct blockif_element *next, *previous;
    struct blockif_request *request;
    struct blockif_worker *worker; /* while busy or done */
    _Atomic uint64_t serial;       /* place in the order of submission; each use has its own */
    int64_t end;                   /* where a sequential successor would start */
    _Atomic int state;             /* enum blockif_state */
    _Atomic bool cancelled;
};

enum { BLOCKIF_ENDS_BITS = 9 };

struct blockif_queue {
    struct blockif_element *first, *last;
};

/* ------------------------------------------------------------------ workers and their calls */

struct blockif_worker {
    struct blockif *disk;
    struct blockif_element *element; /* in hand, or NULL */
    pthread_t thread;
    int index;
    pthread_cond_t
        called; /* each has its own, so the one that is woken is the one that was meant */
    bool awake;
    struct blockif_worker *next_idle;
    _Atomic uint64_t handled;            /* times a kick's handler ran in this thread */
    struct iovec pieces[BLOCKIF_PIECES]; /* what is left of a request after a short transfer */
    void *bounce;                        /* aligned memory, where the device wants it */
    void *own;                           /* the kick's */
};

enum blockif_call_kind {
    BLOCKIF_PREADV,
    BLOCKIF_PWRITEV,
    BLOCKIF_FSYNC,
    BLOCKIF_PUNCH,
    BLOCKIF_RECV
};

/* A system call that may sleep, as data, so that a kick can make it in its own way. */
struct blockif_call {
    enum blockif_call_kind kind;
    int fd;
    int count; /* pieces */
    const struct iovec *pieces;
    int64_t offset;
    uint64_t length;
};

/* Makes the call; again after an EINTR that nobody meant for this request. -1 with errno EINTR: the
 * request has been cancelled. */
long blockif_enter(struct blockif_worker *worker, const struct blockif_call *call);

/* Makes the call as it stands. */
long blockif_perform(const struct blockif_call *call);

bool blockif_cancelled(const struct blockif_worker *worker);

/* ------------------------------------------------------------------ devices */

struct blockif_watch;

struct blockif_device {
    const struct blockif_medium *medium;
    void *own;     /* what lies beneath it, for a medium that wraps another */
    uint64_t size; /* bytes */
    int32_t sector, physical;
    bool read_only, can_delete;
    bool whole_sectors; /* offsets and lengths must be whole sectors */
    size_t bounce;      /* bytes of aligned memory that each worker needs, or 0 */
};

/* Each returns bytes moved, or 0 for flush; -1 with errno. A short count is continued. */
struct blockif_medium {
    long (*read)(struct blockif_worker *worker, const struct iovec *pieces, int count,
                 int64_t offset);
    long (*write)(struct blockif_worker *worker, const struct iovec *pieces, int count,
                  int64_t offset);
    long (*flush)(struct blockif_worker *worker);
    long (*discard)(struct blockif_worker *worker, int64_t offset, uint64_t length);
    void (*hold)(struct blockif_device *device,
                 bool held);                      /* answers no more, or again; NULL: cannot */
    void (*close)(struct blockif_device *device); /* frees it */
};

int device_file_open(struct blockif_device **device, const char *path,
                     const struct blockif_options *options);
int device_stalled_open(struct blockif_device **device, uint64_t size, int workers,
                        struct blockif_watch *watch);

void device_stalled_hold(struct blockif_device *device, bool held);

/* A file of `size` bytes on FUSE, mounted over the file at `path` for the calling thread and those
 * it starts. device_fuse_gate says why it cannot be had here, or NULL. */
int device_fuse_open(struct blockif_device **device, const char *path, uint64_t size,
                     struct blockif_watch *watch);
const char *device_fuse_gate(void);

/* ------------------------------------------------------------------ the disk */

/* For whoever watches a disk's threads; `watch` is NULL in daily work. */
struct blockif_watch {
    void (*started)(struct blockif_watch *watch);   /* in each thread that the disk starts */
    void (*leaving)(struct blockif_watch *watch);   /* in the same, last */
    void (*claimed)(struct blockif_worker *worker); /* between claiming a request and its call */
    _Atomic int created;                            /* threads that were started under this watch */
};

struct blockif {
    struct blockif_device *device;
    const struct blockif_kick *kick;
    struct blockif_watch *watch;
    void *own; /* the kick's */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a cancelled request ended, a cancel was acknowledged or has left */
    struct blockif_element *spare; /* the last to become free first: the cache still has it */
    struct blockif_queue waiting, busy;
    uint8_t ends[1 << BLOCKIF_ENDS_BITS]; /* waiting and busy elements by a hash of their end */
    struct blockif_cancel *unacknowledged;
    uint64_t serial;
    int vacant;   /* how many are spare */
    int runnable; /* pending elements in `waiting`; the rest of it is blocked */
    int blocked;
    struct blockif_worker *idle; /* asleep for want of work, the last to fall asleep first */
    bool waking;                 /* one has been called and has not come yet */
    int lingering;               /* those that look once more before they sleep */
    bool closing;
    int started; /* workers that have come up */
    int failed;  /* errno of one that could not */
    int cancels; /* callers inside blockif_cancel */
    int workers;
    _Atomic uint64_t kicks;

    struct blockif_worker *worker;
    struct blockif_element *elements;
};

/* The device then belongs to the disk, also when opening it fails. */
int blockif_open_device(struct blockif **disk, struct blockif_device *device,
                        const struct blockif_options *options, struct blockif_watch *watch);

void *blockif_work(void *worker); /* a worker's thread */

/* Starts a thread that takes no signals: whoever wants one opens its mask. `watch` may be NULL. */
int blockif_thread(pthread_t *thread, void *(*run)(void *), void *argument,
                   struct blockif_watch *watch);

/* ------------------------------------------------------------------ kicks */

/* One cancel of one running request, on the canceller's stack. */
struct blockif_cancel {
    struct blockif *disk;
    struct blockif_element *element;
    uint64_t serial;
    bool acknowledged;
    struct blockif_cancel *next;
};

struct blockif_kick {
    const char *name;
    const char *purpose;
    int signal;    /* what it sends to the worker, or 0 */
    bool clocked;  /* sleeps by the clock between kicks, so a sleeping canceller is not at rest */
    bool pollable; /* works only on a device whose call waits for a descriptor to be readable */
    int (*open)(struct blockif *disk);            /* before the first worker starts; 0, errno */
    int (*enlist)(struct blockif_worker *worker); /* in each worker, first; 0 or an errno */
    long (*enter)(struct blockif_worker *worker, const struct blockif_call *call);
    void (*cancel)(struct blockif_cancel *cancel); /* lock held; returns when it is not busy */
    void (*retire)(struct blockif_worker *worker); /* in each worker, last */
    void (*close)(struct blockif *disk);           /* after the last worker has ended */
    bool (*rests)(void); /* whether the kernel's threads that serve it sleep; NULL: it has none */
};

#define BLOCKIF_KICK(ident) SP_REGISTER(SP_KIND_KICK, ident)

/* For `cancel`, all with the lock held: the waits give it up meanwhile. */
bool blockif_busy(const struct blockif_cancel *cancel);
void blockif_send(struct blockif_cancel *cancel); /* the kick's signal to the worker */
void blockif_await_end(struct blockif_cancel *cancel);
void blockif_await_end_for(struct blockif_cancel *cancel, uint64_t ns);
void blockif_await_acknowledgement(struct blockif_cancel *cancel);

/* Somebody saw a kick: lets every cancel that awaits one look again. Lock not held. */
void blockif_acknowledge(struct blockif *disk);

#endif
