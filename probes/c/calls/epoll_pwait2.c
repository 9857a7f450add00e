/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll_pwait with a time-out in nanoseconds. */
#include "../engine.h"

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* By its number: Linux 5.11 and glibc 2.35 have it, musl does not. */
#if defined(__linux__) && defined(SYS_epoll_pwait2)

struct epoll_pwait2_ends {
    struct sp_ends ends;
    int epoll;
};

static int epoll_pwait2_open(struct sp_object *object) {
    struct epoll_pwait2_ends *own = SP_SPACE(struct epoll_pwait2_ends, object);
    struct epoll_event wanted = {.events = EPOLLIN};
    if (syscall(SYS_epoll_pwait2, -1, &wanted, 1, NULL, NULL, (size_t)(_NSIG / 8)) < 0 &&
        errno == ENOSYS)
        return ENOSYS;
    own->epoll = epoll_create1(0);
    if (own->epoll < 0 || sp_ends_pipe(object) != 0)
        return errno;
    return sp_error(epoll_ctl(own->epoll, EPOLL_CTL_ADD, own->ends.end[0], &wanted));
}

static long epoll_pwait2_enter(struct sp_object *object) {
    struct epoll_pwait2_ends *own = SP_SPACE(struct epoll_pwait2_ends, object);
    struct epoll_event seen;
    return syscall(SYS_epoll_pwait2, own->epoll, &seen, 1, NULL, &object->swapped,
                   (size_t)(_NSIG / 8));
}

static const struct sp_call epoll_pwait2_call = {
    .name = "epoll_pwait2",
    .purpose = "epoll_wait for an empty pipe, with the tested signal open",
    .open = epoll_pwait2_open,
    .enter = epoll_pwait2_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(epoll_pwait2_call);

#else
SP_ABSENT(SP_KIND_CALL, epoll_pwait2_call, "epoll_pwait2",
          "epoll_wait for an empty pipe, with the tested signal open",
          "no epoll_pwait2 in <sys/syscall.h>");
#endif
