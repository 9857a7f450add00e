/* SPDX-License-Identifier: BSD-2-Clause */
/* macOS has named semaphores only (its <sys/semaphore.h>; sem_init gives ENOSYS): the name is
 * removed as soon as it has served. */
#include "../engine.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

struct sem_wait_own {
    sem_t *semaphore;
    sem_t unnamed;
    bool posted;
};

static int sem_wait_open(struct sp_object *object) {
    struct sem_wait_own *own = SP_SPACE(struct sem_wait_own, object);
#ifdef __APPLE__
    char name[32];
    (void)snprintf(name, sizeof name, "/sigprobe-%d-%d", (int)getpid(), object->index);
    own->semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    (void)sem_unlink(name);
    return own->semaphore == SEM_FAILED ? errno : 0;
#else
    own->semaphore = &own->unnamed;
    return sp_error(sem_init(own->semaphore, 0, 0));
#endif
}

static long sem_wait_enter(struct sp_object *object) {
    return sem_wait(SP_SPACE(struct sem_wait_own, object)->semaphore);
}

static void sem_wait_release(struct sp_object *object) {
    struct sem_wait_own *own = SP_SPACE(struct sem_wait_own, object);
    own->posted = sem_post(own->semaphore) == 0;
}

/* An interruption that crossed the release leaves the semaphore up. */
static int sem_wait_reset(struct sp_object *object, long result) {
    struct sem_wait_own *own = SP_SPACE(struct sem_wait_own, object);
    if (own->posted && result < 0)
        (void)sem_trywait(own->semaphore);
    own->posted = false;
    return 0;
}

static const struct sp_call sem_wait_call = {
    .name = "sem_wait",
    .purpose = "wait for a semaphore that is down",
    .open = sem_wait_open,
    .enter = sem_wait_enter,
    .release = sem_wait_release,
    .reset = sem_wait_reset,
};
SP_CALL(sem_wait_call);
