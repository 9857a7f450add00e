/* SPDX-License-Identifier: BSD-2-Clause */
/* A System V semaphore outlives its processes, and one that is removed early lets nobody wait for
 * it (semctl(2), IPC_RMID: EIDRM): a helper removes it, also when the sandbox is killed. */
#include "../engine.h"

#include <sys/ipc.h>
#include <sys/sem.h>

struct semop_own {
    int set;
    bool raised;
    struct sp_helper remover;
};

static void semop_remove(int set) {
    (void)semctl(set, 0, IPC_RMID);
}

static long semop_add(const struct semop_own *own, short amount, short flags) {
    struct sembuf operation = {.sem_op = amount, .sem_flg = flags};
    return semop(own->set, &operation, 1);
}

static int semop_open(struct sp_object *object) {
    struct semop_own *own = SP_SPACE(struct semop_own, object);
    own->set = semget(IPC_PRIVATE, 1, 0600);
    return own->set < 0 ? errno : sp_helper_start(&own->remover, semop_remove, own->set);
}

static long semop_enter(struct sp_object *object) {
    return semop_add(SP_SPACE(struct semop_own, object), -1, 0);
}

static void semop_release(struct sp_object *object) {
    struct semop_own *own = SP_SPACE(struct semop_own, object);
    own->raised = semop_add(own, 1, 0) == 0;
}

/* An interruption that crossed the release leaves the semaphore up. */
static int semop_reset(struct sp_object *object, long result) {
    struct semop_own *own = SP_SPACE(struct semop_own, object);
    if (own->raised && result < 0)
        (void)semop_add(own, -1, IPC_NOWAIT);
    own->raised = false;
    return 0;
}

static void semop_close(struct sp_object *object) {
    sp_helper_end(&SP_SPACE(struct semop_own, object)->remover);
}

static const struct sp_call semop_call = {
    .name = "semop",
    .purpose = "wait for a System V semaphore that is down",
    .open = semop_open,
    .enter = semop_enter,
    .release = semop_release,
    .reset = semop_reset,
    .close = semop_close,
};
SP_CALL(semop_call);
