/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX: never EINTR; a handler runs and the thread goes on waiting (pthread_mutex_lock). */
#include "../engine.h"

/* The controller opens, releases and resets, so the mutex is its own while the others wait. When it
 * takes it nobody else has it, and trying says so. */
static int pthread_mutex_lock_open(struct sp_object *object) {
    pthread_mutex_t *mutex = SP_SPACE(pthread_mutex_t, object);
    int error = pthread_mutex_init(mutex, NULL);
    return error ? error : pthread_mutex_trylock(mutex);
}

/* Only its owner may unlock it, so that is done here; it does not block. */
static long pthread_mutex_lock_enter(struct sp_object *object) {
    pthread_mutex_t *mutex = SP_SPACE(pthread_mutex_t, object);
    int error = pthread_mutex_lock(mutex);
    if (!error)
        (void)pthread_mutex_unlock(mutex);
    errno = error;
    return error ? -1 : 0;
}

static void pthread_mutex_lock_release(struct sp_object *object) {
    (void)pthread_mutex_unlock(SP_SPACE(pthread_mutex_t, object));
}

/* What ended the wait other than the release left the mutex with the controller. */
static int pthread_mutex_lock_reset(struct sp_object *object, long result) {
    return result == 0 ? pthread_mutex_trylock(SP_SPACE(pthread_mutex_t, object)) : 0;
}

static const struct sp_call pthread_mutex_lock_call = {
    .name = "pthread_mutex_lock",
    .purpose = "wait for a mutex",
    .open = pthread_mutex_lock_open,
    .enter = pthread_mutex_lock_enter,
    .release = pthread_mutex_lock_release,
    .reset = pthread_mutex_lock_reset,
};
SP_CALL(pthread_mutex_lock_call);
