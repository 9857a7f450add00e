/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX: never EINTR; a handler may run, and the wait may then end as if woken
 * (pthread_cond_clockwait). */
#include "../engine.h"

#include <time.h>

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 30)

enum { PTHREAD_COND_CLOCKWAIT_SECONDS = 360000 };

struct pthread_cond_clockwait_own {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    struct timespec deadline;
    bool woken;
};

static int pthread_cond_clockwait_open(struct sp_object *object) {
    struct pthread_cond_clockwait_own *own = SP_SPACE(struct pthread_cond_clockwait_own, object);
    int error = pthread_mutex_init(&own->mutex, NULL);
    if (clock_gettime(CLOCK_MONOTONIC, &own->deadline) != 0)
        return errno;
    own->deadline.tv_sec += PTHREAD_COND_CLOCKWAIT_SECONDS;
    return error ? error : pthread_cond_init(&own->condition, NULL);
}

/* One wait and no loop around it: a spurious wake-up is an answer. */
static long pthread_cond_clockwait_enter(struct sp_object *object) {
    struct pthread_cond_clockwait_own *own = SP_SPACE(struct pthread_cond_clockwait_own, object);
    (void)pthread_mutex_lock(&own->mutex);
    int error = own->woken ? 0
                           : pthread_cond_clockwait(&own->condition, &own->mutex, CLOCK_MONOTONIC,
                                                    &own->deadline);
    (void)pthread_mutex_unlock(&own->mutex);
    errno = error;
    return error ? -1 : 0;
}

static void pthread_cond_clockwait_set(struct pthread_cond_clockwait_own *own, bool woken) {
    (void)pthread_mutex_lock(&own->mutex);
    own->woken = woken;
    (void)pthread_mutex_unlock(&own->mutex);
}

static void pthread_cond_clockwait_release(struct sp_object *object) {
    struct pthread_cond_clockwait_own *own = SP_SPACE(struct pthread_cond_clockwait_own, object);
    pthread_cond_clockwait_set(own, true);
    (void)pthread_cond_signal(&own->condition);
}

static int pthread_cond_clockwait_reset(struct sp_object *object, long result) {
    (void)result;
    pthread_cond_clockwait_set(SP_SPACE(struct pthread_cond_clockwait_own, object), false);
    return 0;
}

static const struct sp_call pthread_cond_clockwait_call = {
    .name = "pthread_cond_clockwait",
    .purpose = "wait for a condition, for hours on the monotonic clock",
    .open = pthread_cond_clockwait_open,
    .enter = pthread_cond_clockwait_enter,
    .release = pthread_cond_clockwait_release,
    .reset = pthread_cond_clockwait_reset,
};
SP_CALL(pthread_cond_clockwait_call);

#else
SP_ABSENT(SP_KIND_CALL, pthread_cond_clockwait_call, "pthread_cond_clockwait",
          "wait for a condition, for hours on the monotonic clock",
          "no pthread_cond_clockwait in <pthread.h>: glibc has it since 2.30");
#endif
