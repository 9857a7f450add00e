/* SPDX-License-Identifier: BSD-2-Clause */
/* Written from FreeBSD's kqueue(2). On Linux, libkqueue stands in where it is linked (its
 * pkg-config flags and -DSP_LIBKQUEUE). */
#include "../engine.h"

#if !defined(__linux__) || defined(SP_LIBKQUEUE)
#if defined(__has_include)
#if __has_include(<sys/event.h>)
#define KEVENT_HERE
#endif
#endif
#endif

#ifdef KEVENT_HERE

#include <sys/types.h>

#include <sys/event.h>
#include <sys/time.h>

struct kevent_own {
    struct sp_ends ends;
    int queue;
};

static int kevent_open(struct sp_object *object) {
    struct kevent_own *own = SP_SPACE(struct kevent_own, object);
    struct kevent wanted;
    own->queue = kqueue();
    if (own->queue < 0 || sp_ends_pipe(object) != 0)
        return errno;
    EV_SET(&wanted, (uintptr_t)own->ends.end[0], EVFILT_READ, EV_ADD, 0, 0, 0);
    return sp_error(kevent(own->queue, &wanted, 1, NULL, 0, NULL));
}

static long kevent_enter(struct sp_object *object) {
    struct kevent seen;
    return kevent(SP_SPACE(struct kevent_own, object)->queue, NULL, 0, &seen, 1, NULL);
}

static const struct sp_call kevent_call = {
    .name = "kevent",
    .purpose = "wait in kevent for an empty pipe to become readable",
    .open = kevent_open,
    .enter = kevent_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(kevent_call);

#else
SP_ABSENT(SP_KIND_CALL, kevent_call, "kevent",
          "wait in kevent for an empty pipe to become readable",
          "no kqueue: Linux has it only through libkqueue, and this build found none");
#endif
