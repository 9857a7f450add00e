/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop: one thread that waits for descriptors and, on kqueue, for signals. */
#ifndef MEVENT_H
#define MEVENT_H

#include "inside.h"

struct mevent;

/* Starts a loop and its thread; the hooks of `watch` run in it. 0 or an errno. */
int mevent_open(struct mevent **loop, struct blockif_watch *watch);

/* Calls `event` in the loop's thread each time `fd` is readable. 0 or an errno. */
int mevent_add_readable(struct mevent *loop, int fd, void (*event)(void *), void *argument);

/* Calls `event` for each batch of a signal's sightings by EVFILT_SIGNAL. ENOSYS without kqueue. */
int mevent_add_signal(struct mevent *loop, int signal, void (*event)(void *), void *argument);

/* Ends the thread and frees the loop. No event is under way afterwards. */
void mevent_close(struct mevent *loop);

#endif
