/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX: never EINTR; a handler may run, and the wait may then end as if woken
 * (pthread_cond_timedwait). */
#include "../engine.h"

#include <time.h>

enum { PTHREAD_COND_TIMEDWAIT_SECONDS = 360000 };

struct pthread_cond_timedwait_own {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    struct timespec deadline;
    bool woken;
};

static int pthread_cond_timedwait_open(struct sp_object *object) {
    struct pthread_cond_timedwait_own *own = SP_SPACE(struct pthread_cond_timedwait_own, object);
    int error = pthread_mutex_init(&own->mutex, NULL);
    if (clock_gettime(CLOCK_REALTIME, &own->deadline) != 0)
        return errno;
    own->deadline.tv_sec += PTHREAD_COND_TIMEDWAIT_SECONDS;
    return error ? error : pthread_cond_init(&own->condition, NULL);
}

/* One wait and no loop around it: a spurious wake-up is an answer. */
static long pthread_cond_timedwait_enter(struct sp_object *object) {
    struct pthread_cond_timedwait_own *own = SP_SPACE(struct pthread_cond_timedwait_own, object);
    (void)pthread_mutex_lock(&own->mutex);
    int error =
        own->woken ? 0 : pthread_cond_timedwait(&own->condition, &own->mutex, &own->deadline);
    (void)pthread_mutex_unlock(&own->mutex);
    errno = error;
    return error ? -1 : 0;
}

static void pthread_cond_timedwait_set(struct pthread_cond_timedwait_own *own, bool woken) {
    (void)pthread_mutex_lock(&own->mutex);
    own->woken = woken;
    (void)pthread_mutex_unlock(&own->mutex);
}

static void pthread_cond_timedwait_release(struct sp_object *object) {
    struct pthread_cond_timedwait_own *own = SP_SPACE(struct pthread_cond_timedwait_own, object);
    pthread_cond_timedwait_set(own, true);
    (void)pthread_cond_signal(&own->condition);
}

static int pthread_cond_timedwait_reset(struct sp_object *object, long result) {
    (void)result;
    pthread_cond_timedwait_set(SP_SPACE(struct pthread_cond_timedwait_own, object), false);
    return 0;
}

static const struct sp_call pthread_cond_timedwait_call = {
    .name = "pthread_cond_timedwait",
    .purpose = "wait for a condition, for hours",
    .open = pthread_cond_timedwait_open,
    .enter = pthread_cond_timedwait_enter,
    .release = pthread_cond_timedwait_release,
    .reset = pthread_cond_timedwait_reset,
};
SP_CALL(pthread_cond_timedwait_call);
