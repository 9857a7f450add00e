/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that sleeps in kevent with the signal registered as EVFILT_SIGNAL, as bhyve's mevent has
 * it (usr.sbin/bhyve/mevent.c). Written from FreeBSD's kqueue(2); the other BSDs and macOS agree.
 * On Linux, libkqueue stands in where it is linked (its pkg-config flags and -DSP_LIBKQUEUE). */
#include "../engine.h"

#if !defined(__linux__) || defined(SP_LIBKQUEUE)
#if defined(__has_include)
#if __has_include(<sys/event.h>)
#define KQUEUE_HERE
#endif
#endif
#endif

#ifdef KQUEUE_HERE

#include <sys/types.h>

#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

enum { KQUEUE_AT_ONCE = 4 };

struct kqueue_own {
    int queue;
    int nudge[2];
};

static int kqueue_open(struct sp_watch *watch) {
    struct kqueue_own *own = SP_SPACE(struct kqueue_own, watch);
    struct kevent wanted[2];
    own->queue = kqueue();
    if (own->queue < 0 || pipe(own->nudge) != 0)
        return errno;
    EV_SET(&wanted[0], (uintptr_t)watch->signal, EVFILT_SIGNAL, EV_ADD, 0, 0, 0);
    EV_SET(&wanted[1], (uintptr_t)own->nudge[0], EVFILT_READ, EV_ADD, 0, 0, 0);
    return sp_error(kevent(own->queue, wanted, 2, NULL, 0, NULL));
}

/* Takes events up to its room; sightings are reported, their number is the result; sets `nudged`
 * when the nudge is among them. */
static int kqueue_take(struct sp_watch *watch, const struct timespec *limit, bool *nudged) {
    struct kevent seen[KQUEUE_AT_ONCE];
    int sightings = 0;
    int count =
        kevent(SP_SPACE(struct kqueue_own, watch)->queue, NULL, 0, seen, KQUEUE_AT_ONCE, limit);
    for (int i = 0; i < count; i++) {
        if (seen[i].filter == EVFILT_SIGNAL) {
            sp_sighted(watch);
            sightings++;
        } else {
            *nudged = true;
        }
    }
    return sightings;
}

static void kqueue_wait(struct sp_watch *watch) {
    const struct timespec none = {0};
    bool nudged = false;
    char byte;
    (void)kqueue_take(watch, NULL, &nudged);
    if (!nudged)
        return;
    while (kqueue_take(watch, &none, &nudged))
        continue;
    (void)!read(SP_SPACE(struct kqueue_own, watch)->nudge[0], &byte, 1);
    sp_answered(watch);
}

static void kqueue_nudge(struct sp_watch *watch) {
    (void)!write(SP_SPACE(struct kqueue_own, watch)->nudge[1], "", 1);
}

static const struct sp_watcher kqueue_watcher = {
    .name = "kqueue",
    .purpose = "a third thread waits in kevent with EVFILT_SIGNAL",
    .open = kqueue_open,
    .wait = kqueue_wait,
    .nudge = kqueue_nudge,
#ifdef SP_LIBKQUEUE
    /* A thread of its own reads signalfds (src/common/evfilt_signalfd.c). */
    .dispatched = true,
    .takes = true,
#endif
};
SP_WATCHER(kqueue_watcher);

#else
SP_ABSENT(SP_KIND_WATCHER, kqueue_watcher, "kqueue",
          "a third thread waits in kevent with EVFILT_SIGNAL",
          "no kqueue: Linux has it only through libkqueue, and this build found none");
#endif
