/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "signalfd": what a straightforward Linux port of stock bhyve would do: SIGCONT is
 * blocked, sent to the worker with pthread_kill, and read from a signalfd by a third thread.
 *
 * Relies on a signalfd showing what is pending for another thread, which it never does: it looks at
 * the reader's own and the process's pending signals (fs/signalfd.c, signalfd_poll). Cannot return.
 */
#include "../kick_signal.h"

#define KICK_SIGNALFD_PURPOSE                                                                      \
    "a straight Linux port: SIGCONT blocked, read from a signalfd by a third thread"

#if defined(__linux__) && !defined(SP_LIBKQUEUE)
#include "../mevent.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct kick_signalfd_state {
    struct blockif *disk;
    struct mevent *loop;
    int fd;
};

static void kick_signalfd_seen(void *argument) {
    struct kick_signalfd_state *state = argument;
    struct signalfd_siginfo info;
    if (read(state->fd, &info, sizeof info) == (ssize_t)sizeof info)
        blockif_acknowledge(state->disk);
}

static void kick_signalfd_close(struct blockif *disk) {
    struct kick_signalfd_state *state = disk->own;
    if (state->loop)
        mevent_close(state->loop);
    if (state->fd >= 0)
        (void)close(state->fd);
    free(state);
}

static int kick_signalfd_open(struct blockif *disk) {
    struct kick_signalfd_state *state = calloc(1, sizeof *state);
    if (!state)
        return ENOMEM;
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, disk->kick->signal);
    disk->own = state;
    state->disk = disk;
    state->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int failed = state->fd < 0 ? errno : mevent_open(&state->loop, disk->watch);
    if (!failed)
        failed = mevent_add_readable(state->loop, state->fd, kick_signalfd_seen, state);
    if (failed)
        kick_signalfd_close(disk);
    return failed;
}

static void kick_signalfd_cancel(struct blockif_cancel *cancel) {
    while (blockif_busy(cancel)) {
        blockif_send(cancel);
        blockif_await_acknowledgement(cancel);
    }
}

static const struct blockif_kick kick_signalfd = {
    .name = "signalfd",
    .purpose = KICK_SIGNALFD_PURPOSE,
    .signal = SIGCONT,
    .open = kick_signalfd_open,
    .cancel = kick_signalfd_cancel,
    .close = kick_signalfd_close,
};
BLOCKIF_KICK(kick_signalfd);
#else
SP_ABSENT(SP_KIND_KICK, kick_signalfd, "signalfd", KICK_SIGNALFD_PURPOSE,
          "signalfd is Linux's own, and here the event loop is not epoll");
#endif
