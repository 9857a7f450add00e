/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "io-uring": each worker makes its calls through a ring of its own, and cancel asks the
 * ring to give the call up. No signal at all.
 *
 * Relies on Linux 5.6 and on io_uring not being switched off (kernel.io_uring_disabled, seccomp).
 * Submission and cancel take the same lock and look at the request's `cancelled`, so there is no
 * moment at which a cancel is lost. Reads and writes go to the ring's own threads: on FUSE the
 * submission itself would sleep (fuse_direct_io under io_submit_sqes, Linux 6.18), out of cancel's
 * reach; that costs a hand-over each. Cannot end what the kernel has handed to a disk already. */
#include "../inside.h"

#define KICK_IO_URING_PURPOSE "the call goes through an io_uring, cancel too: no signal"

#if defined(__linux__) && __has_include(<linux/io_uring.h>)
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

enum { KICK_IO_URING_ENTRIES = 8 };

struct kick_io_uring_ring {
    pthread_mutex_t lock; /* over the submission queue and `flying` */
    int fd;
    uint64_t flying; /* user_data of the call under way, or 0 */
    uint64_t calls;
    void *queues; /* both queues in one mapping: IORING_FEAT_SINGLE_MMAP, Linux 5.4 */
    size_t queues_size;
    struct io_uring_sqe *entries;
    _Atomic uint32_t *tail, *done_head, *done_tail;
    uint32_t *slots;
    uint32_t mask, done_mask;
    struct io_uring_cqe *done;
};

static int kick_io_uring_submit(const struct kick_io_uring_ring *ring) {
    return (int)syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
}

static int kick_io_uring_sleep(const struct kick_io_uring_ring *ring) {
    return (int)syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
}

/* Every entry is consumed by the submit that follows it, so the queue is never full. */
static void kick_io_uring_put(struct kick_io_uring_ring *ring, const struct io_uring_sqe *entry) {
    uint32_t tail = atomic_load_explicit(ring->tail, memory_order_relaxed);
    ring->entries[tail & ring->mask] = *entry;
    ring->slots[tail & ring->mask] = tail & ring->mask;
    atomic_store_explicit(ring->tail, tail + 1, memory_order_release);
}

static struct io_uring_sqe kick_io_uring_describe(const struct blockif_call *call, uint64_t mark) {
    struct io_uring_sqe entry;
    memset(&entry, 0, sizeof entry);
    entry.fd = call->fd;
    entry.user_data = mark;
    switch (call->kind) {
    case BLOCKIF_PREADV:
    case BLOCKIF_PWRITEV:
        entry.opcode = call->kind == BLOCKIF_PREADV ? IORING_OP_READV : IORING_OP_WRITEV;
        entry.addr = (uint64_t)(uintptr_t)call->pieces;
        entry.len = (uint32_t)call->count;
        entry.off = (uint64_t)call->offset;
        entry.flags = IOSQE_ASYNC;
        break;
    case BLOCKIF_FSYNC:
        entry.opcode = IORING_OP_FSYNC;
        break;
    case BLOCKIF_PUNCH: /* length and mode have changed places: io_uring_prep_fallocate(3) */
        entry.opcode = IORING_OP_FALLOCATE;
        entry.off = (uint64_t)call->offset;
        entry.addr = call->length;
        entry.len = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        break;
    case BLOCKIF_RECV:
        entry.opcode = IORING_OP_RECV;
        entry.addr = (uint64_t)(uintptr_t)call->pieces->iov_base;
        entry.len = (uint32_t)call->pieces->iov_len;
        break;
    }
    return entry;
}

/* The mark of the call under way, 0 when there is none because the request has been cancelled. */
static uint64_t kick_io_uring_launch(struct blockif_worker *worker, const struct blockif_call *call,
                                     int *failed) {
    struct kick_io_uring_ring *ring = worker->own;
    *failed = 0;
    (void)pthread_mutex_lock(&ring->lock);
    if (!blockif_cancelled(worker)) {
        struct io_uring_sqe entry = kick_io_uring_describe(call, ++ring->calls);
        kick_io_uring_put(ring, &entry);
        ring->flying = ring->calls;
        while (kick_io_uring_submit(ring) < 0)
            if (errno != EINTR && errno != EAGAIN && errno != EBUSY) {
                *failed = errno;
                ring->flying = 0;
                break;
            }
    }
    uint64_t mark = ring->flying;
    (void)pthread_mutex_unlock(&ring->lock);
    return mark;
}

/* Takes one completion off the queue; false when there is none. */
static bool kick_io_uring_next(struct kick_io_uring_ring *ring, struct io_uring_cqe *out) {
    uint32_t head = atomic_load_explicit(ring->done_head, memory_order_relaxed);
    if (head == atomic_load_explicit(ring->done_tail, memory_order_acquire))
        return false;
    *out = ring->done[head & ring->done_mask];
    atomic_store_explicit(ring->done_head, head + 1, memory_order_release);
    return true;
}

/* Asks the ring to give up the call under way. Lock held. The answer to it bears the mark 0. */
static void kick_io_uring_give_up(struct kick_io_uring_ring *ring) {
    struct io_uring_sqe entry;
    memset(&entry, 0, sizeof entry);
    entry.opcode = IORING_OP_ASYNC_CANCEL;
    entry.fd = -1;
    entry.addr = ring->flying;
    kick_io_uring_put(ring, &entry);
    while (kick_io_uring_submit(ring) < 0 && (errno == EINTR || errno == EAGAIN || errno == EBUSY))
        continue;
}

/* ENOENT although the call flies: one of the ring's threads has taken it off the list and not yet
 * written down that it has it (io_uring/io-wq.c, io_worker_handle_work). */
static void kick_io_uring_insist(struct kick_io_uring_ring *ring, const struct io_uring_cqe *done) {
    if (done->user_data != 0 || done->res != -ENOENT)
        return;
    (void)pthread_mutex_lock(&ring->lock);
    kick_io_uring_give_up(ring);
    (void)pthread_mutex_unlock(&ring->lock);
}

static int kick_io_uring_land(struct kick_io_uring_ring *ring, uint64_t mark) {
    struct io_uring_cqe done = {.user_data = 0};
    while (done.user_data != mark)
        if (kick_io_uring_next(ring, &done))
            kick_io_uring_insist(ring, &done);
        else
            (void)kick_io_uring_sleep(ring);
    (void)pthread_mutex_lock(&ring->lock);
    ring->flying = 0;
    (void)pthread_mutex_unlock(&ring->lock);
    return done.res;
}

static long kick_io_uring_enter(struct blockif_worker *worker, const struct blockif_call *call) {
    int failed;
    uint64_t mark = kick_io_uring_launch(worker, call, &failed);
    int result = mark ? kick_io_uring_land(worker->own, mark) : -(failed ? failed : EINTR);
    if (result >= 0)
        return result;
    errno = result == -ECANCELED ? EINTR : -result;
    return -1;
}

static void kick_io_uring_cancel(struct blockif_cancel *cancel) {
    struct kick_io_uring_ring *ring = cancel->element->worker->own;
    (void)atomic_fetch_add(&cancel->disk->kicks, 1);
    (void)pthread_mutex_lock(&ring->lock);
    if (ring->flying && blockif_busy(cancel))
        kick_io_uring_give_up(ring);
    (void)pthread_mutex_unlock(&ring->lock);
    blockif_await_end(cancel);
}

/* The ring's threads are this process's, named iou-wrk-TID (io_uring/io-wq.c, io_wq_worker). */
static bool kick_io_uring_thread_rests(const char *task) {
    char path[64], text[128];
    sp_text(path, sizeof path, "/proc/self/task/%s/stat", task);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        (void)close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *state = strrchr(text, ')');
    return !strstr(text, "(iou-wrk-") || (state && state[1] && state[2] == 'S');
}

static bool kick_io_uring_rests(void) {
    DIR *tasks = opendir("/proc/self/task");
    bool rest = tasks != NULL;
    for (struct dirent *task = rest ? readdir(tasks) : NULL; task && rest; task = readdir(tasks))
        rest = task->d_name[0] == '.' || kick_io_uring_thread_rests(task->d_name);
    if (tasks)
        (void)closedir(tasks);
    return rest;
}

/* ------------------------------------------------------------------ setting up */

static void kick_io_uring_free(struct kick_io_uring_ring *ring) {
    if (ring->entries)
        (void)munmap(ring->entries, KICK_IO_URING_ENTRIES * sizeof *ring->entries);
    if (ring->queues)
        (void)munmap(ring->queues, ring->queues_size);
    if (ring->fd >= 0)
        (void)close(ring->fd);
    (void)pthread_mutex_destroy(&ring->lock);
    free(ring);
}

static void *kick_io_uring_map(int fd, size_t size, off_t offset) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
    return at == MAP_FAILED ? NULL : at;
}

static int kick_io_uring_lay_out(struct kick_io_uring_ring *ring,
                                 const struct io_uring_params *params) {
    size_t submissions = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    size_t completions = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    if (!(params->features & IORING_FEAT_SINGLE_MMAP))
        return ENOSYS;
    ring->queues_size = submissions > completions ? submissions : completions;
    ring->queues = kick_io_uring_map(ring->fd, ring->queues_size, IORING_OFF_SQ_RING);
    ring->entries =
        kick_io_uring_map(ring->fd, KICK_IO_URING_ENTRIES * sizeof *ring->entries, IORING_OFF_SQES);
    if (!ring->queues || !ring->entries)
        return ENOMEM;
    char *base = ring->queues;
    ring->tail = (_Atomic uint32_t *)(void *)(base + params->sq_off.tail);
    ring->mask = *(uint32_t *)(void *)(base + params->sq_off.ring_mask);
    ring->slots = (uint32_t *)(void *)(base + params->sq_off.array);
    ring->done_head = (_Atomic uint32_t *)(void *)(base + params->cq_off.head);
    ring->done_tail = (_Atomic uint32_t *)(void *)(base + params->cq_off.tail);
    ring->done_mask = *(uint32_t *)(void *)(base + params->cq_off.ring_mask);
    ring->done = (struct io_uring_cqe *)(void *)(base + params->cq_off.cqes);
    return 0;
}

static int kick_io_uring_enlist(struct blockif_worker *worker) {
    struct kick_io_uring_ring *ring = calloc(1, sizeof *ring);
    if (!ring)
        return ENOMEM;
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    (void)pthread_mutex_init(&ring->lock, NULL);
    ring->fd = (int)syscall(SYS_io_uring_setup, KICK_IO_URING_ENTRIES, &params);
    int failed = ring->fd < 0 ? errno : kick_io_uring_lay_out(ring, &params);
    if (failed)
        kick_io_uring_free(ring);
    else
        worker->own = ring;
    return failed == EPERM ? ENOSYS : failed;
}

static void kick_io_uring_retire(struct blockif_worker *worker) {
    kick_io_uring_free(worker->own);
}

static const struct blockif_kick kick_io_uring = {
    .name = "io-uring",
    .purpose = KICK_IO_URING_PURPOSE,
    .enlist = kick_io_uring_enlist,
    .enter = kick_io_uring_enter,
    .cancel = kick_io_uring_cancel,
    .retire = kick_io_uring_retire,
    .rests = kick_io_uring_rests,
};
BLOCKIF_KICK(kick_io_uring);
#else
SP_ABSENT(SP_KIND_KICK, kick_io_uring, "io-uring", KICK_IO_URING_PURPOSE,
          "io_uring is Linux's own");
#endif
