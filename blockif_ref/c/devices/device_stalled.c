/* SPDX-License-Identifier: BSD-2-Clause */
/* The device "stalled": memory behind a server that answers when it is told to, so that an I/O
 * sleeps for exactly as long as somebody wants, on every platform and without privileges.
 *
 * A worker asks by counting up, and sleeps in recv on its own socket pair until the server sends
 * the count back. Data is moved by the worker after the answer, so an interrupted request has moved
 * none, and a late answer touches nobody's memory. */
#include "../inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct device_stalled_line {
    int worker, server; /* the two ends */
    uint64_t wanted, answered;
};

struct device_stalled {
    struct blockif_device device;
    struct blockif_watch *watch;
    unsigned char *memory;
    pthread_mutex_t lock;
    pthread_cond_t told;
    pthread_t server;
    bool held, ending;
    int lines;
    struct device_stalled_line line[BLOCKIF_WORKERS_MOST];
};

/* ------------------------------------------------------------------ the server */

static bool device_stalled_answer(struct device_stalled *stalled) {
    bool any = false;
    for (int i = 0; i < stalled->lines; i++) {
        struct device_stalled_line *line = &stalled->line[i];
        if (line->answered == line->wanted)
            continue;
        line->answered = line->wanted;
        any = true;
        (void)send(line->server, &line->answered, sizeof line->answered, 0);
    }
    return any;
}

static void *device_stalled_serve(void *argument) {
    struct device_stalled *stalled = argument;
    if (stalled->watch)
        stalled->watch->started(stalled->watch);
    (void)pthread_mutex_lock(&stalled->lock);
    while (!stalled->ending)
        if (stalled->held || !device_stalled_answer(stalled))
            (void)pthread_cond_wait(&stalled->told, &stalled->lock);
    (void)pthread_mutex_unlock(&stalled->lock);
    if (stalled->watch)
        stalled->watch->leaving(stalled->watch);
    return NULL;
}

static void device_stalled_tell(struct device_stalled *stalled, bool *what, bool value) {
    (void)pthread_mutex_lock(&stalled->lock);
    *what = value;
    (void)pthread_cond_signal(&stalled->told);
    (void)pthread_mutex_unlock(&stalled->lock);
}

void device_stalled_hold(struct blockif_device *device, bool held) {
    struct device_stalled *stalled = (struct device_stalled *)device;
    device_stalled_tell(stalled, &stalled->held, held);
}

/* ------------------------------------------------------------------ the workers */

static struct device_stalled *device_stalled_of(struct blockif_worker *worker) {
    return (struct device_stalled *)worker->disk->device;
}

/* An answer to a question that was given up in the moment it was answered. */
static void device_stalled_drain(const struct device_stalled_line *line) {
    uint64_t tag;
    while (recv(line->worker, &tag, sizeof tag, MSG_DONTWAIT) > 0)
        continue;
}

/* Sleeps until the server answers. A question that is given up is withdrawn. */
static int device_stalled_ask(struct blockif_worker *worker) {
    struct device_stalled *stalled = device_stalled_of(worker);
    struct device_stalled_line *line = &stalled->line[worker->index];
    uint64_t tag;
    struct iovec place = {.iov_base = &tag, .iov_len = sizeof tag};
    struct blockif_call call = {.kind = BLOCKIF_RECV,
                                .fd = line->worker,
                                .pieces = &place,
                                .count = 1,
                                .length = sizeof tag};
    (void)pthread_mutex_lock(&stalled->lock);
    device_stalled_drain(line);
    line->wanted++;
    (void)pthread_cond_signal(&stalled->told);
    (void)pthread_mutex_unlock(&stalled->lock);
    long got = blockif_enter(worker, &call);
    if (got == (long)sizeof tag)
        return 0;
    int failed = got < 0 ? errno : EIO;
    (void)pthread_mutex_lock(&stalled->lock);
    line->answered = line->wanted;
    (void)pthread_mutex_unlock(&stalled->lock);
    errno = failed;
    return -1;
}

static long device_stalled_read(struct blockif_worker *worker, const struct iovec *pieces,
                                int count, int64_t offset) {
    struct device_stalled *stalled = device_stalled_of(worker);
    long moved = 0;
    if (device_stalled_ask(worker))
        return -1;
    (void)pthread_mutex_lock(&stalled->lock);
    for (int i = 0; i < count; i++) {
        memcpy(pieces[i].iov_base, stalled->memory + offset + moved, pieces[i].iov_len);
        moved += (long)pieces[i].iov_len;
    }
    (void)pthread_mutex_unlock(&stalled->lock);
    return moved;
}

static long device_stalled_write(struct blockif_worker *worker, const struct iovec *pieces,
                                 int count, int64_t offset) {
    struct device_stalled *stalled = device_stalled_of(worker);
    long moved = 0;
    if (device_stalled_ask(worker))
        return -1;
    (void)pthread_mutex_lock(&stalled->lock);
    for (int i = 0; i < count; i++) {
        memcpy(stalled->memory + offset + moved, pieces[i].iov_base, pieces[i].iov_len);
        moved += (long)pieces[i].iov_len;
    }
    (void)pthread_mutex_unlock(&stalled->lock);
    return moved;
}

static long device_stalled_flush(struct blockif_worker *worker) {
    return device_stalled_ask(worker);
}

static long device_stalled_discard(struct blockif_worker *worker, int64_t offset, uint64_t length) {
    struct device_stalled *stalled = device_stalled_of(worker);
    if (device_stalled_ask(worker))
        return -1;
    (void)pthread_mutex_lock(&stalled->lock);
    memset(stalled->memory + offset, 0, length);
    (void)pthread_mutex_unlock(&stalled->lock);
    return (long)length;
}

/* ------------------------------------------------------------------ opening */

static void device_stalled_free(struct device_stalled *stalled) {
    for (int i = 0; i < stalled->lines; i++) {
        (void)close(stalled->line[i].worker);
        (void)close(stalled->line[i].server);
    }
    (void)pthread_cond_destroy(&stalled->told);
    (void)pthread_mutex_destroy(&stalled->lock);
    free(stalled->memory);
    free(stalled);
}

static void device_stalled_close(struct blockif_device *device) {
    struct device_stalled *stalled = (struct device_stalled *)device;
    device_stalled_tell(stalled, &stalled->ending, true);
    (void)pthread_join(stalled->server, NULL);
    device_stalled_free(stalled);
}

static const struct blockif_medium device_stalled_medium = {.read = device_stalled_read,
                                                            .write = device_stalled_write,
                                                            .flush = device_stalled_flush,
                                                            .discard = device_stalled_discard,
                                                            .hold = device_stalled_hold,
                                                            .close = device_stalled_close};

static int device_stalled_line_up(struct device_stalled *stalled, int workers) {
    for (; stalled->lines < workers; stalled->lines++) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
            return errno;
        for (int i = 0; i < 2; i++)
            (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        stalled->line[stalled->lines] = (struct device_stalled_line){ends[0], ends[1], 0, 0};
    }
    return 0;
}

int device_stalled_open(struct blockif_device **out, uint64_t size, int workers,
                        struct blockif_watch *watch) {
    struct device_stalled *stalled = calloc(1, sizeof *stalled);
    if (!stalled)
        return ENOMEM;
    stalled->device = (struct blockif_device){.medium = &device_stalled_medium,
                                              .size = size,
                                              .sector = 512,
                                              .physical = 512,
                                              .can_delete = true};
    stalled->watch = watch;
    (void)pthread_mutex_init(&stalled->lock, NULL);
    (void)pthread_cond_init(&stalled->told, NULL);
    stalled->memory = calloc(1, size);
    int failed = stalled->memory ? device_stalled_line_up(stalled, workers) : ENOMEM;
    if (!failed)
        failed = blockif_thread(&stalled->server, device_stalled_serve, stalled, watch);
    if (failed)
        device_stalled_free(stalled);
    else
        *out = &stalled->device;
    return failed;
}
