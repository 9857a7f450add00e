/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that sleeps in epoll_wait(2) over a signalfd, as event loops on Linux do. The readiness
 * is asked for in the context of the thread that waits (fs/signalfd.c, signalfd_poll). */
#include "../engine.h"

#ifdef __linux__

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signalfd_epoll {
    int epoll, signals, nudges;
};

static int signalfd_epoll_add(const struct signalfd_epoll *own, int fd) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    return sp_error(fd < 0 ? -1 : epoll_ctl(own->epoll, EPOLL_CTL_ADD, fd, &wanted));
}

static int signalfd_epoll_open(struct sp_watch *watch) {
    struct signalfd_epoll *own = SP_SPACE(struct signalfd_epoll, watch);
    sigset_t seen;
    (void)sigemptyset(&seen);
    (void)sigaddset(&seen, watch->signal);
    own->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (own->epoll < 0)
        return errno;
    own->signals = signalfd(-1, &seen, SFD_CLOEXEC | SFD_NONBLOCK);
    int error = signalfd_epoll_add(own, own->signals);
    if (error)
        return error;
    own->nudges = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return signalfd_epoll_add(own, own->nudges);
}

static void signalfd_epoll_take(struct sp_watch *watch) {
    struct signalfd_siginfo seen;
    while (read(SP_SPACE(struct signalfd_epoll, watch)->signals, &seen, sizeof seen) > 0)
        sp_sighted(watch);
}

/* Whatever woke it, the signals come first: a nudge is answered with nothing left to read. */
static void signalfd_epoll_wait(struct sp_watch *watch) {
    struct signalfd_epoll *own = SP_SPACE(struct signalfd_epoll, watch);
    struct epoll_event ready[2];
    uint64_t count;
    int events = epoll_wait(own->epoll, ready, 2, -1);
    signalfd_epoll_take(watch);
    for (int i = 0; i < events; i++)
        if (ready[i].data.fd == own->nudges && read(own->nudges, &count, sizeof count) > 0)
            sp_answered(watch);
}

static void signalfd_epoll_nudge(struct sp_watch *watch) {
    const uint64_t one = 1;
    (void)!write(SP_SPACE(struct signalfd_epoll, watch)->nudges, &one, sizeof one);
}

static const struct sp_watcher signalfd_epoll = {
    .name = "signalfd-epoll",
    .purpose = "a third thread waits by epoll for a signalfd",
    .open = signalfd_epoll_open,
    .wait = signalfd_epoll_wait,
    .nudge = signalfd_epoll_nudge,
    .takes = true,
};
SP_WATCHER(signalfd_epoll);

#else
SP_ABSENT(SP_KIND_WATCHER, signalfd_epoll, "signalfd-epoll",
          "a third thread waits by epoll for a signalfd", "no <sys/signalfd.h> or <sys/epoll.h>");
#endif
