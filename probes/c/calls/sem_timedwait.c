/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#ifndef __APPLE__

#include <semaphore.h>
#include <time.h>

enum { SEM_TIMEDWAIT_SECONDS = 360000 };

struct sem_timedwait_own {
    sem_t semaphore;
    struct timespec deadline;
    bool posted;
};

static int sem_timedwait_open(struct sp_object *object) {
    struct sem_timedwait_own *own = SP_SPACE(struct sem_timedwait_own, object);
    if (clock_gettime(CLOCK_REALTIME, &own->deadline) != 0)
        return errno;
    own->deadline.tv_sec += SEM_TIMEDWAIT_SECONDS;
    return sp_error(sem_init(&own->semaphore, 0, 0));
}

static long sem_timedwait_enter(struct sp_object *object) {
    struct sem_timedwait_own *own = SP_SPACE(struct sem_timedwait_own, object);
    return sem_timedwait(&own->semaphore, &own->deadline);
}

static void sem_timedwait_release(struct sp_object *object) {
    struct sem_timedwait_own *own = SP_SPACE(struct sem_timedwait_own, object);
    own->posted = sem_post(&own->semaphore) == 0;
}

/* An interruption that crossed the release leaves the semaphore up. */
static int sem_timedwait_reset(struct sp_object *object, long result) {
    struct sem_timedwait_own *own = SP_SPACE(struct sem_timedwait_own, object);
    if (own->posted && result < 0)
        (void)sem_trywait(&own->semaphore);
    own->posted = false;
    return 0;
}

static const struct sp_call sem_timedwait_call = {
    .name = "sem_timedwait",
    .purpose = "wait for a semaphore that is down, for hours",
    .open = sem_timedwait_open,
    .enter = sem_timedwait_enter,
    .release = sem_timedwait_release,
    .reset = sem_timedwait_reset,
};
SP_CALL(sem_timedwait_call);

#else
SP_ABSENT(SP_KIND_CALL, sem_timedwait_call, "sem_timedwait",
          "wait for a semaphore that is down, for hours", "no sem_timedwait in <semaphore.h>");
#endif
