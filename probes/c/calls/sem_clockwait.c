/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <semaphore.h>
#include <time.h>

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 30)

enum { SEM_CLOCKWAIT_SECONDS = 360000 };

struct sem_clockwait_own {
    sem_t semaphore;
    struct timespec deadline;
    bool posted;
};

static int sem_clockwait_open(struct sp_object *object) {
    struct sem_clockwait_own *own = SP_SPACE(struct sem_clockwait_own, object);
    if (clock_gettime(CLOCK_MONOTONIC, &own->deadline) != 0)
        return errno;
    own->deadline.tv_sec += SEM_CLOCKWAIT_SECONDS;
    return sp_error(sem_init(&own->semaphore, 0, 0));
}

static long sem_clockwait_enter(struct sp_object *object) {
    struct sem_clockwait_own *own = SP_SPACE(struct sem_clockwait_own, object);
    return sem_clockwait(&own->semaphore, CLOCK_MONOTONIC, &own->deadline);
}

static void sem_clockwait_release(struct sp_object *object) {
    struct sem_clockwait_own *own = SP_SPACE(struct sem_clockwait_own, object);
    own->posted = sem_post(&own->semaphore) == 0;
}

/* An interruption that crossed the release leaves the semaphore up. */
static int sem_clockwait_reset(struct sp_object *object, long result) {
    struct sem_clockwait_own *own = SP_SPACE(struct sem_clockwait_own, object);
    if (own->posted && result < 0)
        (void)sem_trywait(&own->semaphore);
    own->posted = false;
    return 0;
}

static const struct sp_call sem_clockwait_call = {
    .name = "sem_clockwait",
    .purpose = "wait for a semaphore that is down, for hours on the monotonic clock",
    .open = sem_clockwait_open,
    .enter = sem_clockwait_enter,
    .release = sem_clockwait_release,
    .reset = sem_clockwait_reset,
};
SP_CALL(sem_clockwait_call);

#else
SP_ABSENT(SP_KIND_CALL, sem_clockwait_call, "sem_clockwait",
          "wait for a semaphore that is down, for hours on the monotonic clock",
          "no sem_clockwait in <semaphore.h>: glibc has it since 2.30");
#endif
