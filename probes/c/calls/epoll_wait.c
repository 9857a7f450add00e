/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#ifdef __linux__

#include <sys/epoll.h>

struct epoll_wait_ends {
    struct sp_ends ends;
    int epoll;
};

static int epoll_wait_open(struct sp_object *object) {
    struct epoll_wait_ends *own = SP_SPACE(struct epoll_wait_ends, object);
    struct epoll_event wanted = {.events = EPOLLIN};
    own->epoll = epoll_create1(0);
    if (own->epoll < 0 || sp_ends_pipe(object) != 0)
        return errno;
    return sp_error(epoll_ctl(own->epoll, EPOLL_CTL_ADD, own->ends.end[0], &wanted));
}

static long epoll_wait_enter(struct sp_object *object) {
    struct epoll_event seen;
    return epoll_wait(SP_SPACE(struct epoll_wait_ends, object)->epoll, &seen, 1, -1);
}

static const struct sp_call epoll_wait_call = {
    .name = "epoll_wait",
    .purpose = "wait by epoll for an empty pipe to become readable",
    .open = epoll_wait_open,
    .enter = epoll_wait_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(epoll_wait_call);

#else
SP_ABSENT(SP_KIND_CALL, epoll_wait_call, "epoll_wait",
          "wait by epoll for an empty pipe to become readable", "no <sys/epoll.h>");
#endif
