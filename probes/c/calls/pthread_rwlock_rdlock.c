/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX: never EINTR; a handler runs and the thread goes on waiting (pthread_rwlock_rdlock). */
#include "../engine.h"

/* The controller opens, releases and resets, so the lock is its own while the others wait. When it
 * takes it nobody else has it, and trying says so. */
static int pthread_rwlock_rdlock_open(struct sp_object *object) {
    pthread_rwlock_t *lock = SP_SPACE(pthread_rwlock_t, object);
    int error = pthread_rwlock_init(lock, NULL);
    return error ? error : pthread_rwlock_trywrlock(lock);
}

/* Only its owner may unlock it, so that is done here; it does not block. */
static long pthread_rwlock_rdlock_enter(struct sp_object *object) {
    pthread_rwlock_t *lock = SP_SPACE(pthread_rwlock_t, object);
    int error = pthread_rwlock_rdlock(lock);
    if (!error)
        (void)pthread_rwlock_unlock(lock);
    errno = error;
    return error ? -1 : 0;
}

static void pthread_rwlock_rdlock_release(struct sp_object *object) {
    (void)pthread_rwlock_unlock(SP_SPACE(pthread_rwlock_t, object));
}

static int pthread_rwlock_rdlock_reset(struct sp_object *object, long result) {
    return result == 0 ? pthread_rwlock_trywrlock(SP_SPACE(pthread_rwlock_t, object)) : 0;
}

static const struct sp_call pthread_rwlock_rdlock_call = {
    .name = "pthread_rwlock_rdlock",
    .purpose = "wait for a read lock while another thread writes",
    .open = pthread_rwlock_rdlock_open,
    .enter = pthread_rwlock_rdlock_enter,
    .release = pthread_rwlock_rdlock_release,
    .reset = pthread_rwlock_rdlock_reset,
};
SP_CALL(pthread_rwlock_rdlock_call);
