/* SPDX-License-Identifier: BSD-2-Clause */
/* A System V queue outlives its processes, and one that is removed early lets nobody wait in it
 * (msgctl(2), IPC_RMID: EIDRM): a helper removes it, also when the sandbox is killed. */
#include "../engine.h"

#include <sys/ipc.h>
#include <sys/msg.h>

enum { MSGSND_SIZE = 64 };

struct msgsnd_message {
    long type;
    char text[MSGSND_SIZE];
};

struct msgsnd_own {
    int queue;
    bool drained;
    struct sp_helper remover;
};

static void msgsnd_remove(int queue) {
    (void)msgctl(queue, IPC_RMID, NULL);
}

static long msgsnd_one(const struct msgsnd_own *own, int flags) {
    const struct msgsnd_message message = {.type = 1};
    return msgsnd(own->queue, &message, sizeof message.text, flags);
}

/* The queue has room for one message, which is in it. */
static int msgsnd_open(struct sp_object *object) {
    struct msgsnd_own *own = SP_SPACE(struct msgsnd_own, object);
    struct msqid_ds limits;
    own->queue = msgget(IPC_PRIVATE, 0600);
    int error = own->queue < 0 ? errno : sp_helper_start(&own->remover, msgsnd_remove, own->queue);
    if (error || msgctl(own->queue, IPC_STAT, &limits) != 0)
        return error ? error : errno;
    limits.msg_qbytes = MSGSND_SIZE;
    if (msgctl(own->queue, IPC_SET, &limits) != 0)
        return errno;
    return sp_error(msgsnd_one(own, IPC_NOWAIT));
}

static long msgsnd_enter(struct sp_object *object) {
    return msgsnd_one(SP_SPACE(struct msgsnd_own, object), 0);
}

static void msgsnd_release(struct sp_object *object) {
    struct msgsnd_own *own = SP_SPACE(struct msgsnd_own, object);
    struct msgsnd_message message;
    own->drained = msgrcv(own->queue, &message, sizeof message.text, 0, IPC_NOWAIT) >= 0;
}

/* The released message fills the queue by itself; where an interruption crossed the release,
 * another has to. */
static int msgsnd_reset(struct sp_object *object, long result) {
    struct msgsnd_own *own = SP_SPACE(struct msgsnd_own, object);
    if (own->drained && result < 0)
        (void)msgsnd_one(own, IPC_NOWAIT);
    own->drained = false;
    return 0;
}

static void msgsnd_close(struct sp_object *object) {
    sp_helper_end(&SP_SPACE(struct msgsnd_own, object)->remover);
}

static const struct sp_call msgsnd_call = {
    .name = "msgsnd",
    .purpose = "send to a full System V message queue",
    .open = msgsnd_open,
    .enter = msgsnd_enter,
    .release = msgsnd_release,
    .reset = msgsnd_reset,
    .close = msgsnd_close,
};
SP_CALL(msgsnd_call);
