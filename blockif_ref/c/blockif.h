/* SPDX-License-Identifier: BSD-2-Clause */
/* The block layer as its user sees it: open a disk, hand in requests, be called back, cancel,
 * close.
 *
 * A request is answered exactly once: refused by blockif_submit, called back, or given back by a
 * blockif_cancel that returns 0. Until then it and its memory belong to the layer. */
#ifndef BLOCKIF_H
#define BLOCKIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
    BLOCKIF_WORKERS = 8, /* worker threads where nothing else is asked for */
    BLOCKIF_WORKERS_MOST = 64,
    BLOCKIF_RING = 128, /* requests that may wait beside those which the workers hold */
    BLOCKIF_PIECES = 64 /* pieces of memory in one request, at most */
};

enum blockif_operation { BLOCKIF_READ, BLOCKIF_WRITE, BLOCKIF_FLUSH, BLOCKIF_DELETE };

struct blockif;

struct blockif_request {
    int32_t operation;          /* enum blockif_operation */
    int32_t count;              /* pieces of memory; 0 for flush and delete */
    const struct iovec *pieces; /* they add up to `length` */
    int64_t offset;             /* bytes from the start of the disk */
    uint64_t length;            /* bytes; 0 for flush */
    uint64_t residual;          /* bytes not transferred: the layer's word, set when it answers */
    /* Called in a worker, without a lock: 0, EINTR for a cancelled request, or another errno. It
     * may submit, and may not cancel, wait or close. */
    void (*callback)(struct blockif_request *request, int error);
    void *owner; /* the caller's own */
};

/* A structure of zeros is a plain disk: 8 workers, read and write, delete where the system can. */
struct blockif_options {
    const char *kick; /* NULL: "handler-retry", which any kernel with pthread_kill can do */
    int32_t workers;  /* 1 to BLOCKIF_WORKERS_MOST; 0 is BLOCKIF_WORKERS */
    int32_t sector;   /* logical sector in bytes, a power of two from 512; 0: the device's */
    int32_t physical; /* physical sector in bytes, a multiple of `sector`; 0: the device's */
    bool read_only;
    bool direct;    /* past the system's cache; offsets and lengths are then whole sectors */
    bool sync;      /* each write reaches the medium before its callback */
    bool no_delete; /* delete is refused */
};

/* What an open disk is like. */
struct blockif_about {
    uint64_t size; /* bytes */
    int32_t sector;
    int32_t physical;
    int32_t workers;
    int32_t limit; /* requests that it holds at once */
    bool read_only;
    bool can_delete;
};

/* All int results are 0 or an errno. */

/* Opens a file or block device. EINVAL: bad options, an empty image or one that is no file or
 * disk; ENOENT, EACCES...: as open(2); ENOSYS: this system has no such kick; EBUSY: the kick's
 * signal is already somebody's in this process. */
int blockif_open(struct blockif **disk, const char *path, const struct blockif_options *options);

void blockif_about(const struct blockif *disk, struct blockif_about *about);

/* Hands in `count` requests: all of them, or none and an errno. E2BIG: the disk cannot hold so many
 * now; EINVAL: beyond the end, not whole sectors under direct, no bytes, or pieces that do not add
 * up; EROFS; EOPNOTSUPP: no delete; EBADF: the disk is being closed. */
int blockif_submit(struct blockif *disk, struct blockif_request *const *requests, size_t count);

/* 0: it was still waiting, is given back, and no callback will come. EBUSY: it was running and now
 * is not: its callback has come or is coming. EINVAL: the disk does not know it, or no longer. */
int blockif_cancel(struct blockif *disk, const struct blockif_request *request);

/* Lets everything end that was handed in, then frees the disk and sets *disk to NULL. EBADF: it is
 * NULL already. */
int blockif_close(struct blockif **disk);

/* Kicks sent since the disk was opened. */
uint64_t blockif_kicks(const struct blockif *disk);

#endif
