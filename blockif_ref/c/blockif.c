/* SPDX-License-Identifier: BSD-2-Clause */
/* The block layer: a fixed number of workers take requests from a queue and sleep in their system
 * calls; cancel takes a waiting request back, or has the kick get a running one out of its call.
 *
 * The protocol is the one that bhyve's usr.sbin/bhyve/block_if.c shows its callers. */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKIF_YIELDS = 20 }; /* before the first timer */

static const int64_t blockif_nowhere = INT64_MAX; /* the end of a flush: no request starts there */

/* ------------------------------------------------------------------ queues */

static void blockif_append(struct blockif_queue *queue, struct blockif_element *element) {
    element->next = NULL;
    element->previous = queue->last;
    if (queue->last)
        queue->last->next = element;
    else
        queue->first = element;
    queue->last = element;
}

static void blockif_remove(struct blockif_queue *queue, struct blockif_element *element) {
    if (element->previous)
        element->previous->next = element->next;
    else
        queue->first = element->next;
    if (element->next)
        element->next->previous = element->previous;
    else
        queue->last = element->previous;
}

static struct blockif_element *blockif_find(const struct blockif_queue *queue,
                                            const struct blockif_request *request) {
    struct blockif_element *at = queue->first;
    while (at && at->request != request)
        at = at->next;
    return at;
}

/* Whether a queue holds an element submitted before `element` that ends where it starts. */
static bool blockif_leads(const struct blockif_queue *queue,
                          const struct blockif_element *element) {
    int64_t start = element->request->offset;
    for (const struct blockif_element *at = queue->first; at; at = at->next)
        if (at->end == start && at->serial < element->serial)
            return true;
    return false;
}

static bool blockif_must_wait(const struct blockif *disk, const struct blockif_element *element) {
    return element->request->operation != BLOCKIF_FLUSH &&
           (blockif_leads(&disk->waiting, element) || blockif_leads(&disk->busy, element));
}

static void blockif_enqueue(struct blockif *disk, struct blockif_request *request) {
    struct blockif_element *element = disk->spare.first;
    blockif_remove(&disk->spare, element);
    disk->vacant--;
    request->residual = request->length;
    element->request = request;
    element->worker = NULL;
    element->serial = ++disk->serial;
    element->end = request->operation == BLOCKIF_FLUSH ? blockif_nowhere
                                                       : request->offset + (int64_t)request->length;
    atomic_store(&element->cancelled, false);
    bool waits = blockif_must_wait(disk, element);
    atomic_store(&element->state, waits ? BLOCKIF_BLOCKED : BLOCKIF_PENDING);
    *(waits ? &disk->blocked : &disk->runnable) += 1;
    blockif_append(&disk->waiting, element);
}

static struct blockif_element *blockif_take(struct blockif_worker *worker) {
    struct blockif *disk = worker->disk;
    if (disk->runnable == 0)
        return NULL;
    struct blockif_element *element = disk->waiting.first;
    while (atomic_load_explicit(&element->state, memory_order_relaxed) != BLOCKIF_PENDING)
        element = element->next;
    blockif_remove(&disk->waiting, element);
    disk->runnable--;
    element->worker = worker;
    worker->element = element;
    atomic_store(&element->state, BLOCKIF_BUSY);
    blockif_append(&disk->busy, element);
    return element;
}

/* Lets those go on that waited for an element which has just left its queue. */
static void blockif_unblock(struct blockif *disk, int64_t end) {
    if (disk->blocked == 0)
        return;
    for (struct blockif_element *at = disk->waiting.first; at; at = at->next) {
        if (atomic_load(&at->state) != BLOCKIF_BLOCKED || at->request->offset != end ||
            blockif_must_wait(disk, at))
            continue;
        atomic_store(&at->state, BLOCKIF_PENDING);
        disk->blocked--;
        disk->runnable++;
    }
}

static void blockif_vacate(struct blockif *disk, struct blockif_queue *queue,
                           struct blockif_element *element) {
    blockif_remove(queue, element);
    atomic_store(&element->state, BLOCKIF_FREE);
    element->request = NULL;
    element->worker = NULL;
    blockif_append(&disk->spare, element);
    disk->vacant++;
    blockif_unblock(disk, element->end);
}

static void blockif_call_worker(struct blockif *disk) {
    struct blockif_worker *worker = disk->idle;
    disk->idle = worker->next_idle;
    worker->awake = true;
    (void)pthread_cond_signal(&worker->called);
}

/* Wakes one idle worker, which wakes the next if there is more to do: a burst of cheap requests
 * then costs one wake-up, and slow ones still get every worker. */
static void blockif_wake(struct blockif *disk) {
    if (disk->runnable > 0 && disk->idle && !disk->waking) {
        disk->waking = true;
        blockif_call_worker(disk);
    }
}

/* ------------------------------------------------------------------ system calls */

bool blockif_cancelled(const struct blockif_worker *worker) {
    return atomic_load(&worker->element->cancelled);
}

#if defined(__linux__)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, (off_t)length);
}
#elif defined(__APPLE__) && defined(F_PUNCHHOLE)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    struct fpunchhole hole = {.fp_offset = offset, .fp_length = (off_t)length};
    if (fcntl(fd, F_PUNCHHOLE, &hole) == 0)
        return 0;
    /* fcntl(2): a hole that is not whole blocks of the file system is EINVAL. */
    errno = errno == EINVAL ? EOPNOTSUPP : errno;
    return -1;
}
#elif defined(__FreeBSD__) && defined(SPACECTL_DEALLOC)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    struct spacectl_range range = {.r_offset = offset, .r_len = (off_t)length};
    int failed = 0;
    while (range.r_len > 0 && !failed) /* fspacectl(2): may do a part, and then says what is left */
        failed = fspacectl(fd, SPACECTL_DEALLOC, &range, 0, &range);
    return failed;
}
#elif defined(__NetBSD__)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    return fdiscard(fd, offset, (off_t)length);
}
#else
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    (void)fd, (void)offset, (void)length;
    errno = EOPNOTSUPP;
    return -1;
}
#endif

#if defined(__APPLE__) && __ENVIRONMENT_MAC_OS_X_VERSION_MIN_REQUIRED__ < 110000
/* preadv and pwritev came with macOS 11: one piece at a time, the rest as after any short count. */
static ssize_t blockif_preadv(int fd, const struct iovec *pieces, int count, off_t offset) {
    (void)count;
    return pread(fd, pieces->iov_base, pieces->iov_len, offset);
}
static ssize_t blockif_pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
    (void)count;
    return pwrite(fd, pieces->iov_base, pieces->iov_len, offset);
}
#else
#define blockif_preadv preadv
#define blockif_pwritev pwritev
#endif

long blockif_perform(const struct blockif_call *call) {
    switch (call->kind) {
    case BLOCKIF_PREADV:
        return blockif_preadv(call->fd, call->pieces, call->count, call->offset);
    case BLOCKIF_PWRITEV:
        return blockif_pwritev(call->fd, call->pieces, call->count, call->offset);
    case BLOCKIF_FSYNC:
        return fsync(call->fd);
    case BLOCKIF_PUNCH:
        return blockif_punch(call->fd, call->offset, call->length);
    case BLOCKIF_RECV:
        return recv(call->fd, call->pieces->iov_base, call->pieces->iov_len, 0);
    }
    errno = ENOSYS;
    return -1;
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
            (void)pthread_mutex_lock(&disk->lock);
            worker->element = NULL;
            blockif_vacate(disk, &disk->busy, element);
        } else if (!disk->closing)
            blockif_idle(worker);
        else
            return;
    }
}

static void *blockif_work(void *argument) {
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

/* ------------------------------------------------------------------ open and close */

static void blockif_free(struct blockif *disk) {
    for (int i = 0; disk->worker && i < disk->workers; i++) {
        free(disk->worker[i].bounce);
        (void)pthread_cond_destroy(&disk->worker[i].called);
    }
    free(disk->worker);
    free(disk->elements);
    (void)pthread_cond_destroy(&disk->changed);
    (void)pthread_mutex_destroy(&disk->lock);
    free(disk);
}

static struct blockif *blockif_allocate(const struct blockif_device *device, int workers) {
    struct blockif *disk = calloc(1, sizeof *disk);
    if (!disk)
        return NULL;
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
#ifndef __APPLE__
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    (void)pthread_mutex_init(&disk->lock, NULL);
    (void)pthread_cond_init(&disk->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    disk->workers = workers;
    disk->vacant = BLOCKIF_RING + workers;
    disk->worker = calloc((size_t)workers, sizeof *disk->worker);
    disk->elements = calloc((size_t)disk->vacant, sizeof *disk->elements);
    bool lacks = !disk->worker || !disk->elements;
    for (int i = 0; disk->worker && i < workers; i++) {
        disk->worker[i].disk = disk;
        disk->worker[i].index = i;
        (void)pthread_cond_init(&disk->worker[i].called, NULL);
        if (device->bounce)
            lacks |= posix_memalign(&disk->worker[i].bounce, 4096, device->bounce) != 0;
    }
    for (int i = 0; !lacks && i < disk->vacant; i++)
        blockif_append(&disk->spare, &disk->elements[i]);
    if (lacks)
        blockif_free(disk);
    return lacks ? NULL : disk;
}

static void blockif_join(struct blockif *disk, int created) {
    (void)pthread_mutex_lock(&disk->lock);
    disk->closing = true;
    while (disk->idle)
        blockif_call_worker(disk);
    (void)pthread_mutex_unlock(&disk->lock);
    for (int i = 0; i < created; i++)
        (void)pthread_join(disk->worker[i].thread, NULL);
}

static int blockif_start(struct blockif *disk) {
    int failed = disk->kick->open ? disk->kick->open(disk) : 0;
    if (failed)
        return failed;
    int created = 0;
    while (!failed && created < disk->workers) {
        failed = blockif_thread(&disk->worker[created].thread, blockif_work, &disk->worker[created],
                                disk->watch);
        created += !failed;
    }
    (void)pthread_mutex_lock(&disk->lock);
    while (disk->started < created)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
    failed = failed ? failed : disk->failed;
    (void)pthread_mutex_unlock(&disk->lock);
    if (!failed)
        return 0;
    blockif_join(disk, created);
    if (disk->kick->close)
        disk->kick->close(disk);
    return failed;
}

static int blockif_check_options(const struct blockif_options *options) {
    static const struct blockif_options plain;
    const struct blockif_options *o = options ? options : &plain;
    bool bad =
        o->workers < 0 || o->workers > BLOCKIF_WORKERS_MOST || o->sector < 0 || o->physical < 0;
    bad |= o->sector && (o->sector < 512 || (o->sector & (o->sector - 1)));
    bad |= o->physical &&
           (o->physical < 512 || (o->physical & (o->physical - 1)) || o->physical < o->sector);
    if (bad)
        return EINVAL;
    return sp_find(SP_KIND_KICK, o->kick ? o->kick : "handler-retry", NULL) ? 0 : ENOSYS;
}

int blockif_open_device(struct blockif **out, struct blockif_device *device,
                        const struct blockif_options *options, struct blockif_watch *watch) {
    const char *kick = options && options->kick ? options->kick : "handler-retry";
    int workers = options && options->workers ? options->workers : BLOCKIF_WORKERS;
    int failed = blockif_check_options(options);
    struct blockif *disk = failed ? NULL : blockif_allocate(device, workers);
    if (!failed && !disk)
        failed = ENOMEM;
    if (!failed) {
        disk->device = device;
        disk->kick = sp_find(SP_KIND_KICK, kick, NULL);
        disk->watch = watch;
        failed = blockif_start(disk);
    }
    if (failed) {
        device->medium->close(device);
        if (disk)
            blockif_free(disk);
        return failed;
    }
    *out = disk;
    return 0;
}

int blockif_open(struct blockif **disk, const char *path, const struct blockif_options *options) {
    static const struct blockif_options plain;
    struct blockif_device *device;
    int failed = blockif_check_options(options);
    if (!failed)
        failed = device_file_open(&device, path, options ? options : &plain);
    return failed ? failed : blockif_open_device(disk, device, options, NULL);
}

int blockif_close(struct blockif **out) {
    struct blockif *disk = *out;
    if (!disk)
        return EBADF;
    blockif_join(disk, disk->workers);
    (void)pthread_mutex_lock(&disk->lock);
    while (disk->cancels > 0)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
    (void)pthread_mutex_unlock(&disk->lock);
    if (disk->kick->close)
        disk->kick->close(disk);
    disk->device->medium->close(disk->device);
    blockif_free(disk);
    *out = NULL;
    return 0;
}

void blockif_about(const struct blockif *disk, struct blockif_about *about) {
    const struct blockif_device *device = disk->device;
    *about = (struct blockif_about){.size = device->size,
                                    .sector = device->sector,
                                    .physical = device->physical,
                                    .workers = disk->workers,
                                    .limit = BLOCKIF_RING + disk->workers,
                                    .read_only = device->read_only,
                                    .can_delete = device->can_delete};
}

uint64_t blockif_kicks(const struct blockif *disk) {
    return atomic_load(&disk->kicks);
}

/* ------------------------------------------------------------------ submit */

static bool blockif_adds_up(const struct blockif_request *request) {
    uint64_t sum = 0;
    if (request->count < 1 || request->count > BLOCKIF_PIECES)
        return false;
    for (int i = 0; i < request->count; i++)
        sum += request->pieces[i].iov_len;
    return sum == request->length;
}

static bool blockif_whole(const struct blockif_device *device,
                          const struct blockif_request *request) {
    uint64_t partial = (uint64_t)device->sector - 1;
    return !device->whole_sectors || (((uint64_t)request->offset | request->length) & partial) == 0;
}

static int blockif_check(const struct blockif_device *device,
                         const struct blockif_request *request) {
    if (request->operation < BLOCKIF_READ || request->operation > BLOCKIF_DELETE ||
        !request->callback)
        return EINVAL;
    if (request->operation == BLOCKIF_FLUSH)
        return request->length || request->count ? EINVAL : 0;
    if (request->operation != BLOCKIF_READ && device->read_only)
        return EROFS;
    if (request->operation == BLOCKIF_DELETE && !device->can_delete)
        return EOPNOTSUPP;
    if (request->offset < 0 || request->length == 0 || request->length > device->size ||
        (uint64_t)request->offset > device->size - request->length ||
        !blockif_whole(device, request))
        return EINVAL;
    return request->operation == BLOCKIF_DELETE || blockif_adds_up(request) ? 0 : EINVAL;
}

int blockif_submit(struct blockif *disk, struct blockif_request *const *requests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int failed = blockif_check(disk->device, requests[i]);
        if (failed)
            return failed;
    }
    (void)pthread_mutex_lock(&disk->lock);
    int failed = disk->closing ? EBADF : count > (size_t)disk->vacant ? E2BIG : 0;
    for (size_t i = 0; !failed && i < count; i++)
        blockif_enqueue(disk, requests[i]);
    blockif_wake(disk);
    (void)pthread_mutex_unlock(&disk->lock);
    return failed;
}

/* ------------------------------------------------------------------ cancel */

bool blockif_busy(const struct blockif_cancel *cancel) {
    return cancel->element->serial == cancel->serial &&
           atomic_load(&cancel->element->state) == BLOCKIF_BUSY;
}

void blockif_send(struct blockif_cancel *cancel) {
    (void)atomic_fetch_add(&cancel->disk->kicks, 1);
    (void)pthread_kill(cancel->element->worker->thread, cancel->disk->kick->signal);
}

void blockif_await_end(struct blockif_cancel *cancel) {
    while (blockif_busy(cancel))
        (void)pthread_cond_wait(&cancel->disk->changed, &cancel->disk->lock);
}

/* Most kicks work at once, and arming a timer costs more than they take. */
static void blockif_yield(struct blockif_cancel *cancel) {
    (void)pthread_mutex_unlock(&cancel->disk->lock);
    for (int i = 0; i < BLOCKIF_YIELDS && blockif_busy(cancel); i++)
        (void)sched_yield();
    (void)pthread_mutex_lock(&cancel->disk->lock);
}

void blockif_await_end_for(struct blockif_cancel *cancel, uint64_t ns) {
    struct blockif *disk = cancel->disk;
    blockif_yield(cancel);
    if (!blockif_busy(cancel))
        return;
#ifdef __APPLE__
    struct timespec span = {.tv_sec = (time_t)(ns / 1000000000u),
                            .tv_nsec = (long)(ns % 1000000000u)};
    (void)pthread_cond_timedwait_relative_np(&disk->changed, &disk->lock, &span);
#else
    uint64_t until = sp_now() + ns;
    struct timespec at = {.tv_sec = (time_t)(until / 1000000000u),
                          .tv_nsec = (long)(until % 1000000000u)};
    (void)pthread_cond_timedwait(&disk->changed, &disk->lock, &at);
#endif
}

void blockif_await_acknowledgement(struct blockif_cancel *cancel) {
    struct blockif *disk = cancel->disk;
    cancel->acknowledged = false;
    cancel->next = disk->unacknowledged;
    disk->unacknowledged = cancel;
    while (!cancel->acknowledged)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
}

void blockif_acknowledge(struct blockif *disk) {
    (void)pthread_mutex_lock(&disk->lock);
    for (struct blockif_cancel *at = disk->unacknowledged; at; at = at->next)
        at->acknowledged = true;
    disk->unacknowledged = NULL;
    (void)pthread_cond_broadcast(&disk->changed);
    (void)pthread_mutex_unlock(&disk->lock);
}

static void blockif_take_back(struct blockif *disk, struct blockif_element *element) {
    bool blocked = atomic_load(&element->state) == BLOCKIF_BLOCKED;
    *(blocked ? &disk->blocked : &disk->runnable) -= 1;
    blockif_vacate(disk, &disk->waiting, element);
    blockif_wake(disk);
}

static void blockif_end(struct blockif *disk, struct blockif_element *element) {
    struct blockif_cancel cancel = {.disk = disk, .element = element, .serial = element->serial};
    disk->cancels++;
    atomic_store(&element->cancelled, true);
    if (blockif_busy(&cancel))
        disk->kick->cancel(&cancel);
    disk->cancels--;
    if (disk->closing)
        (void)pthread_cond_broadcast(&disk->changed);
}

int blockif_cancel(struct blockif *disk, const struct blockif_request *request) {
    int result = EINVAL;
    (void)pthread_mutex_lock(&disk->lock);
    struct blockif_element *waiting = blockif_find(&disk->waiting, request);
    struct blockif_element *busy = waiting ? NULL : blockif_find(&disk->busy, request);
    if (waiting) {
        blockif_take_back(disk, waiting);
        result = 0;
    } else if (busy) {
        blockif_end(disk, busy);
        result = EBUSY;
    }
    (void)pthread_mutex_unlock(&disk->lock);
    return result;
}
