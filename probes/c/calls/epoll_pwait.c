/* SPDX-License-Identifier: BSD-2-Clause */
/* The mask is put on and taken off with the wait in one step, so nothing is lost between the two.
 */
#include "../engine.h"

#ifdef __linux__

#include <sys/epoll.h>

struct epoll_pwait_ends {
    struct sp_ends ends;
    int epoll;
};

static int epoll_pwait_open(struct sp_object *object) {
    struct epoll_pwait_ends *own = SP_SPACE(struct epoll_pwait_ends, object);
    struct epoll_event wanted = {.events = EPOLLIN};
    own->epoll = epoll_create1(0);
    if (own->epoll < 0 || sp_ends_pipe(object) != 0)
        return errno;
    return sp_error(epoll_ctl(own->epoll, EPOLL_CTL_ADD, own->ends.end[0], &wanted));
}

static long epoll_pwait_enter(struct sp_object *object) {
    struct epoll_pwait_ends *own = SP_SPACE(struct epoll_pwait_ends, object);
    struct epoll_event seen;
    return epoll_pwait(own->epoll, &seen, 1, -1, &object->swapped);
}

static const struct sp_call epoll_pwait_call = {
    .name = "epoll_pwait",
    .purpose = "epoll_wait for an empty pipe, with the tested signal open",
    .open = epoll_pwait_open,
    .enter = epoll_pwait_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(epoll_pwait_call);

#else
SP_ABSENT(SP_KIND_CALL, epoll_pwait_call, "epoll_pwait",
          "epoll_wait for an empty pipe, with the tested signal open", "no <sys/epoll.h>");
#endif
