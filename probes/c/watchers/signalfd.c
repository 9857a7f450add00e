/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that sleeps in read(2) on a signalfd. It sees what is pending for the process and for
 * itself, never what is pending for another thread (fs/signalfd.c, signalfd_dequeue). */
#include "../engine.h"

#ifdef __linux__

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { SIGNALFD_AT_ONCE = 16 };

static int signalfd_open(struct sp_watch *watch) {
    int *fd = SP_SPACE(int, watch);
    sigset_t seen;
    (void)sigemptyset(&seen);
    (void)sigaddset(&seen, watch->signal);
    (void)sigaddset(&seen, watch->nudge);
    *fd = signalfd(-1, &seen, SFD_CLOEXEC);
    return sp_error(*fd);
}

/* Sleeps until there is something, and says whether the nudge was among it. */
static bool signalfd_take(struct sp_watch *watch) {
    struct signalfd_siginfo seen[SIGNALFD_AT_ONCE];
    ssize_t size = read(*SP_SPACE(int, watch), seen, sizeof seen);
    size_t count = size > 0 ? (size_t)size / sizeof *seen : 0;
    bool nudged = false;
    for (size_t i = 0; i < count; i++) {
        if (seen[i].ssi_signo == (uint32_t)watch->signal)
            sp_sighted(watch);
        else
            nudged = true;
    }
    return nudged;
}

/* What was posted before the nudge comes in the same read, or earlier, on Linux; gVisor hands out
 * one signal a read and the nudge first, because it is the thread's own. */
static void signalfd_wait(struct sp_watch *watch) {
    struct pollfd more = {.fd = *SP_SPACE(int, watch), .events = POLLIN};
    bool nudged = signalfd_take(watch);
    while (poll(&more, 1, 0) > 0)
        nudged |= signalfd_take(watch);
    if (nudged)
        sp_answered(watch);
}

static void signalfd_nudge(struct sp_watch *watch) {
    (void)pthread_kill(watch->thread, watch->nudge);
}

static const struct sp_watcher signalfd_watcher = {
    .name = "signalfd",
    .purpose = "a third thread reads a signalfd",
    .open = signalfd_open,
    .wait = signalfd_wait,
    .nudge = signalfd_nudge,
    .takes = true,
};
SP_WATCHER(signalfd_watcher);

#else
SP_ABSENT(SP_KIND_WATCHER, signalfd_watcher, "signalfd", "a third thread reads a signalfd",
          "no <sys/signalfd.h>");
#endif
