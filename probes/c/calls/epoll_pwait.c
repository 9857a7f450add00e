/* SPDX-License-Identifier: BSD-2-Clause */
/* The mask is put on and taken off with the wait in one step, so nothing is lost between the two.
 */
#include "../engine.h"

#ifdef __linux__

#include <sys/epoll.h>
#include <unistd.h>

struct epoll_pwait_ends {
    int end[2];
    int epoll;
    bool unread; /* the releasing byte is still in the pipe */
};

static int epoll_pwait_open(struct sp_object *object) {
    struct epoll_pwait_ends *own = SP_SPACE(struct epoll_pwait_ends, object);
    struct epoll_event wanted = {.events = EPOLLIN};
    own->epoll = epoll_create1(0);
    if (own->epoll < 0 || pipe(own->end) != 0)
        return errno;
    return sp_error(epoll_ctl(own->epoll, EPOLL_CTL_ADD, own->end[0], &wanted));
}

static long epoll_pwait_enter(struct sp_object *object) {
    struct epoll_pwait_ends *own = SP_SPACE(struct epoll_pwait_ends, object);
    struct epoll_event seen;
    return epoll_pwait(own->epoll, &seen, 1, -1, &object->swapped);
}

static void epoll_pwait_release(struct sp_object *object) {
    struct epoll_pwait_ends *own = SP_SPACE(struct epoll_pwait_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

static int epoll_pwait_reset(struct sp_object *object, long result) {
    struct epoll_pwait_ends *own = SP_SPACE(struct epoll_pwait_ends, object);
    char byte;
    (void)result;
    if (own->unread)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call epoll_pwait_call = {
    .name = "epoll_pwait",
    .purpose = "epoll_wait for an empty pipe, with the tested signal open",
    .open = epoll_pwait_open,
    .enter = epoll_pwait_enter,
    .release = epoll_pwait_release,
    .reset = epoll_pwait_reset,
};
SP_CALL(epoll_pwait_call);

#else
SP_ABSENT(SP_KIND_CALL, epoll_pwait_call, "epoll_pwait",
          "epoll_wait for an empty pipe, with the tested signal open", "no <sys/epoll.h>");
#endif
