/* SPDX-License-Identifier: BSD-2-Clause */
/* The workers: each takes a request from the queue, makes its calls, and tells how it ended. */
#include "queue.h"

#include <errno.h>
#include <sched.h>

bool blockif_cancelled(const struct blockif_worker *worker) {
    return atomic_load(&worker->element->cancelled);
}

long blockif_enter(struct blockif_worker *worker, const struct blockif_call *call) {
    const struct blockif *disk = worker->disk;
    long result;
    do {
        if (blockif_cancelled(worker)) {
            errno = EINTR;
            return -1;
        }
        if (disk->watch)
            disk->watch->claimed(worker);
        result = disk->kick->enter ? disk->kick->enter(worker, call) : blockif_perform(call);
    } while (result < 0 && errno == EINTR);
    return result;
}

/* ------------------------------------------------------------------ a request's work */

/* The pieces of a request behind what has been transferred, in the worker's own list. */
static int blockif_rest(struct blockif_worker *worker, const struct blockif_request *request) {
    uint64_t skip = request->length - request->residual;
    int count = 0;
    for (int i = 0; i < request->count; i++) {
        struct iovec piece = request->pieces[i];
        if (skip >= piece.iov_len) {
            skip -= piece.iov_len;
            continue;
        }
        piece.iov_base = (char *)piece.iov_base + skip;
        piece.iov_len -= skip;
        skip = 0;
        worker->pieces[count++] = piece;
    }
    return count;
}

static int blockif_transfer(struct blockif_worker *worker, struct blockif_request *request,
                            long (*move)(struct blockif_worker *, const struct iovec *, int,
                                         int64_t)) {
    const struct iovec *pieces = request->pieces;
    int count = request->count;
    while (request->residual > 0) {
        int64_t offset = request->offset + (int64_t)(request->length - request->residual);
        long moved = move(worker, pieces, count, offset);
        if (moved < 0)
            return errno;
        if (moved == 0) /* the image has become shorter than the disk */
            return EIO;
        request->residual -= (uint64_t)moved;
        count = blockif_rest(worker, request);
        pieces = worker->pieces;
    }
    return 0;
}

static int blockif_discard(struct blockif_worker *worker, struct blockif_request *request) {
    while (request->residual > 0) {
        int64_t offset = request->offset + (int64_t)(request->length - request->residual);
        long done = worker->disk->device->medium->discard(worker, offset, request->residual);
        if (done <= 0)
            return done < 0 ? errno : EIO;
        request->residual -= (uint64_t)done;
    }
    return 0;
}

static int blockif_serve(struct blockif_worker *worker, struct blockif_request *request) {
    const struct blockif_medium *medium = worker->disk->device->medium;
    switch (request->operation) {
    case BLOCKIF_READ:
        return blockif_transfer(worker, request, medium->read);
    case BLOCKIF_WRITE:
        return blockif_transfer(worker, request, medium->write);
    case BLOCKIF_DELETE:
        return blockif_discard(worker, request);
    default:
        return medium->flush(worker) < 0 ? errno : 0;
    }
}

/* ------------------------------------------------------------------ workers */

/* `done` is told before the callback, as bhyve does: a canceller may hold what the callback wants.
 * Either the canceller sees DONE or this sees `cancelled`: both are sequentially consistent. */
static void blockif_finish(struct blockif *disk, struct blockif_element *element, int error) {
    struct blockif_request *request = element->request;
    atomic_store(&element->state, BLOCKIF_DONE);
    if (atomic_load(&element->cancelled)) {
        (void)pthread_mutex_lock(&disk->lock);
        (void)pthread_cond_broadcast(&disk->changed);
        (void)pthread_mutex_unlock(&disk->lock);
    }
    request->callback(request, error);
}

/* The next request is often a moment away, and a sleep costs more than to look again. Whoever
 * submits meanwhile need not wake anybody. */
static bool blockif_linger(struct blockif *disk) {
    enum { LOOKS = 12 };
    disk->lingering++;
    for (int i = 0; i < LOOKS && disk->runnable == 0 && !disk->closing; i++) {
        (void)pthread_mutex_unlock(&disk->lock);
        (void)sched_yield();
        blockif_lock(disk);
    }
    disk->lingering--;
    return disk->runnable > 0;
}

static void blockif_idle(struct blockif_worker *worker) {
    struct blockif *disk = worker->disk;
    worker->awake = false;
    worker->next_idle = disk->idle;
    disk->idle = worker;
    while (!worker->awake)
        (void)pthread_cond_wait(&worker->called, &disk->lock);
    disk->waking = false;
}

static void blockif_turns(struct blockif_worker *worker) {
    struct blockif *disk = worker->disk;
    for (;;) {
        struct blockif_element *element = blockif_take(worker);
        if (element) {
            blockif_wake(disk);
            (void)pthread_mutex_unlock(&disk->lock);
            blockif_finish(disk, element, blockif_serve(worker, element->request));
            blockif_lock(disk);
            worker->element = NULL;
            blockif_vacate(disk, &disk->busy, element);
        } else if (disk->closing)
            return;
        else if (!blockif_linger(disk) && !disk->closing)
            blockif_idle(worker);
    }
}

void *blockif_work(void *argument) {
    struct blockif_worker *worker = argument;
    struct blockif *disk = worker->disk;
    int failed = disk->kick->enlist ? disk->kick->enlist(worker) : 0;
    if (disk->watch)
        disk->watch->started(disk->watch);
    (void)pthread_mutex_lock(&disk->lock);
    disk->started++;
    if (failed)
        disk->failed = failed;
    (void)pthread_cond_broadcast(&disk->changed);
    if (!failed)
        blockif_turns(worker);
    (void)pthread_mutex_unlock(&disk->lock);
    if (disk->watch)
        disk->watch->leaving(disk->watch);
    if (!failed && disk->kick->retire)
        disk->kick->retire(worker);
    return NULL;
}

int blockif_thread(pthread_t *thread, void *(*run)(void *), void *argument,
                   struct blockif_watch *watch) {
    sigset_t all, before;
    if (watch)
        (void)atomic_fetch_add(&watch->created, 1);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (watch && failed)
        (void)atomic_fetch_sub(&watch->created, 1);
    return failed;
}
