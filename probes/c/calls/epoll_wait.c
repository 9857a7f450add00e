/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#ifdef __linux__

#include <sys/epoll.h>
#include <unistd.h>

struct epoll_wait_ends {
    int end[2];
    int epoll;
    bool unread; /* the releasing byte is still in the pipe */
};

static int epoll_wait_open(struct sp_object *object) {
    struct epoll_wait_ends *own = SP_SPACE(struct epoll_wait_ends, object);
    struct epoll_event wanted = {.events = EPOLLIN};
    own->epoll = epoll_create1(0);
    if (own->epoll < 0 || pipe(own->end) != 0)
        return errno;
    return sp_error(epoll_ctl(own->epoll, EPOLL_CTL_ADD, own->end[0], &wanted));
}

static long epoll_wait_enter(struct sp_object *object) {
    struct epoll_event seen;
    return epoll_wait(SP_SPACE(struct epoll_wait_ends, object)->epoll, &seen, 1, -1);
}

static void epoll_wait_release(struct sp_object *object) {
    struct epoll_wait_ends *own = SP_SPACE(struct epoll_wait_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

static int epoll_wait_reset(struct sp_object *object, long result) {
    struct epoll_wait_ends *own = SP_SPACE(struct epoll_wait_ends, object);
    char byte;
    (void)result;
    if (own->unread)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call epoll_wait_call = {
    .name = "epoll_wait",
    .purpose = "wait by epoll for an empty pipe to become readable",
    .open = epoll_wait_open,
    .enter = epoll_wait_enter,
    .release = epoll_wait_release,
    .reset = epoll_wait_reset,
};
SP_CALL(epoll_wait_call);

#else
SP_ABSENT(SP_KIND_CALL, epoll_wait_call, "epoll_wait",
          "wait by epoll for an empty pipe to become readable", "no <sys/epoll.h>");
#endif
