/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX: never EINTR. Each release ends the thread that is waited for, so each reset starts
 * another. */
#include "../engine.h"

#include <unistd.h>

struct pthread_join_own {
    int end[2];
    pthread_t thread;
};

static void *pthread_join_main(void *argument) {
    char byte;
    (void)!read(*(int *)argument, &byte, 1);
    return NULL;
}

/* It takes no part in the trial, so it has every signal blocked. */
static int pthread_join_start(struct pthread_join_own *own) {
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&own->thread, NULL, pthread_join_main, own->end);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int pthread_join_open(struct sp_object *object) {
    struct pthread_join_own *own = SP_SPACE(struct pthread_join_own, object);
    return pipe(own->end) == 0 ? pthread_join_start(own) : errno;
}

static long pthread_join_enter(struct sp_object *object) {
    errno = pthread_join(SP_SPACE(struct pthread_join_own, object)->thread, NULL);
    return errno ? -1 : 0;
}

static void pthread_join_release(struct sp_object *object) {
    (void)!write(SP_SPACE(struct pthread_join_own, object)->end[1], "", 1);
}

static int pthread_join_reset(struct sp_object *object, long result) {
    return result == 0 ? pthread_join_start(SP_SPACE(struct pthread_join_own, object)) : 0;
}

static const struct sp_call pthread_join_call = {
    .name = "pthread_join",
    .purpose = "wait for a thread to end",
    .open = pthread_join_open,
    .enter = pthread_join_enter,
    .release = pthread_join_release,
    .reset = pthread_join_reset,
};
SP_CALL(pthread_join_call);
