/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop on kqueue or epoll. Libkqueue counts as a kqueue when SP_LIBKQUEUE is defined. */
#include "mevent.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__linux__) && !defined(SP_LIBKQUEUE)
#define MEVENT_EPOLL
#include <sys/epoll.h>
#else
#include <sys/event.h>
#include <sys/time.h>
#endif

enum { MEVENT_MOST = 8, MEVENT_SIGNAL = 1 << 16 };

struct mevent_entry {
    int key; /* descriptor, or MEVENT_SIGNAL plus a signal's number */
    void (*event)(void *);
    void *argument;
};

struct mevent {
    int queue;     /* the kqueue or epoll descriptor */
    int wakeup[2]; /* a pipe; its closing end stops the loop */
    int count;
    bool ending; /* touched by the loop's thread alone */
    pthread_t thread;
    struct blockif_watch *watch;
    struct mevent_entry entries[MEVENT_MOST];
};

#ifdef MEVENT_EPOLL
static int mevent_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

static int mevent_register(const struct mevent *loop, int index) {
    int key = loop->entries[index].key;
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = (uint32_t)index}};
    if (key >= MEVENT_SIGNAL)
        return ENOSYS;
    return epoll_ctl(loop->queue, EPOLL_CTL_ADD, key, &event) ? errno : 0;
}

/* The entry that has an event, or -1 after a wait that had none. */
static int mevent_next(const struct mevent *loop) {
    struct epoll_event event;
    return epoll_wait(loop->queue, &event, 1, -1) == 1 ? (int)event.data.u32 : -1;
}
#else
static int mevent_create(void) {
    return kqueue();
}

/* NetBSD before 10 declares udata as an integer. */
#if defined(__NetBSD__) && __NetBSD_Version__ < 1000000000
#define MEVENT_UDATA(index) ((intptr_t)(index))
#else
#define MEVENT_UDATA(index) ((void *)(intptr_t)(index))
#endif

static int mevent_register(const struct mevent *loop, int index) {
    int key = loop->entries[index].key;
    bool signal = key >= MEVENT_SIGNAL;
    struct kevent change;
    EV_SET(&change, (uintptr_t)(signal ? key - MEVENT_SIGNAL : key),
           signal ? EVFILT_SIGNAL : EVFILT_READ, EV_ADD, 0, 0, MEVENT_UDATA(index));
    return kevent(loop->queue, &change, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

static int mevent_next(const struct mevent *loop) {
    struct kevent event;
    return kevent(loop->queue, NULL, 0, &event, 1, NULL) == 1 ? (int)(intptr_t)event.udata : -1;
}
#endif

static void *mevent_run(void *argument) {
    struct mevent *loop = argument;
    if (loop->watch)
        loop->watch->started(loop->watch);
    while (!loop->ending) {
        int index = mevent_next(loop);
        if (index >= 0)
            loop->entries[index].event(loop->entries[index].argument);
    }
    if (loop->watch)
        loop->watch->leaving(loop->watch);
    return NULL;
}

static void mevent_end(void *argument) {
    ((struct mevent *)argument)->ending = true;
}

static int mevent_add(struct mevent *loop, int key, void (*event)(void *), void *argument) {
    if (loop->count == MEVENT_MOST)
        return ENOSPC;
    loop->entries[loop->count] = (struct mevent_entry){key, event, argument};
    int failed = mevent_register(loop, loop->count);
    loop->count += !failed;
    return failed;
}

int mevent_add_readable(struct mevent *loop, int fd, void (*event)(void *), void *argument) {
    return mevent_add(loop, fd, event, argument);
}

int mevent_add_signal(struct mevent *loop, int signal, void (*event)(void *), void *argument) {
    return mevent_add(loop, MEVENT_SIGNAL + signal, event, argument);
}

static void mevent_free(struct mevent *loop) {
    for (int i = 0; i < 2; i++)
        if (loop->wakeup[i] >= 0)
            (void)close(loop->wakeup[i]);
    if (loop->queue >= 0)
        (void)close(loop->queue);
    free(loop);
}

int mevent_open(struct mevent **out, struct blockif_watch *watch) {
    struct mevent *loop = calloc(1, sizeof *loop);
    if (!loop)
        return ENOMEM;
    loop->watch = watch;
    loop->wakeup[0] = loop->wakeup[1] = -1;
    loop->queue = mevent_create();
    int failed = loop->queue < 0 || pipe(loop->wakeup) ? errno : 0;
    if (!failed)
        failed = mevent_add(loop, loop->wakeup[0], mevent_end, loop);
    if (!failed)
        failed = blockif_thread(&loop->thread, mevent_run, loop, watch);
    if (failed)
        mevent_free(loop);
    else
        *out = loop;
    return failed;
}

void mevent_close(struct mevent *loop) {
    (void)close(loop->wakeup[1]);
    loop->wakeup[1] = -1;
    (void)pthread_join(loop->thread, NULL);
    mevent_free(loop);
}
