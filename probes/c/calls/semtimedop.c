/* SPDX-License-Identifier: BSD-2-Clause */
/* A System V semaphore outlives its processes, and one that is removed early lets nobody wait for
 * it (semctl(2), IPC_RMID: EIDRM): a helper removes it, also when the sandbox is killed. */
#include "../engine.h"

#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

#if defined(__linux__) || defined(__sun)

enum { SEMTIMEDOP_SECONDS = 36000 };

struct semtimedop_own {
    int set;
    bool raised;
    struct sp_helper remover;
};

static void semtimedop_remove(int set) {
    (void)semctl(set, 0, IPC_RMID);
}

static long semtimedop_add(const struct semtimedop_own *own, short amount, short flags) {
    struct sembuf operation = {.sem_op = amount, .sem_flg = flags};
    const struct timespec limit = {.tv_sec = SEMTIMEDOP_SECONDS};
    return semtimedop(own->set, &operation, 1, &limit);
}

static int semtimedop_open(struct sp_object *object) {
    struct semtimedop_own *own = SP_SPACE(struct semtimedop_own, object);
    own->set = semget(IPC_PRIVATE, 1, 0600);
    return own->set < 0 ? errno : sp_helper_start(&own->remover, semtimedop_remove, own->set);
}

static long semtimedop_enter(struct sp_object *object) {
    return semtimedop_add(SP_SPACE(struct semtimedop_own, object), -1, 0);
}

static void semtimedop_release(struct sp_object *object) {
    struct semtimedop_own *own = SP_SPACE(struct semtimedop_own, object);
    own->raised = semtimedop_add(own, 1, 0) == 0;
}

/* An interruption that crossed the release leaves the semaphore up. */
static int semtimedop_reset(struct sp_object *object, long result) {
    struct semtimedop_own *own = SP_SPACE(struct semtimedop_own, object);
    if (own->raised && result < 0)
        (void)semtimedop_add(own, -1, IPC_NOWAIT);
    own->raised = false;
    return 0;
}

static void semtimedop_close(struct sp_object *object) {
    sp_helper_end(&SP_SPACE(struct semtimedop_own, object)->remover);
}

static const struct sp_call semtimedop_call = {
    .name = "semtimedop",
    .purpose = "wait for a System V semaphore that is down, for hours",
    .open = semtimedop_open,
    .enter = semtimedop_enter,
    .release = semtimedop_release,
    .reset = semtimedop_reset,
    .close = semtimedop_close,
};
SP_CALL(semtimedop_call);

#else
SP_ABSENT(SP_KIND_CALL, semtimedop_call, "semtimedop",
          "wait for a System V semaphore that is down, for hours", "no semtimedop in <sys/sem.h>");
#endif
