/* SPDX-License-Identifier: BSD-2-Clause */
/* A System V queue outlives its processes, and one that is removed early lets nobody wait in it
 * (msgctl(2), IPC_RMID: EIDRM): a helper removes it, also when the sandbox is killed. */
#include "../engine.h"

#include <sys/ipc.h>
#include <sys/msg.h>

struct msgrcv_message {
    long type;
    char text[1];
};

struct msgrcv_own {
    int queue;
    bool unread; /* the releasing message is still in the queue */
    struct sp_helper remover;
};

static void msgrcv_remove(int queue) {
    (void)msgctl(queue, IPC_RMID, NULL);
}

static int msgrcv_open(struct sp_object *object) {
    struct msgrcv_own *own = SP_SPACE(struct msgrcv_own, object);
    own->queue = msgget(IPC_PRIVATE, 0600);
    return own->queue < 0 ? errno : sp_helper_start(&own->remover, msgrcv_remove, own->queue);
}

static long msgrcv_enter(struct sp_object *object) {
    struct msgrcv_message message;
    return msgrcv(SP_SPACE(struct msgrcv_own, object)->queue, &message, sizeof message.text, 0, 0);
}

static void msgrcv_release(struct sp_object *object) {
    struct msgrcv_own *own = SP_SPACE(struct msgrcv_own, object);
    const struct msgrcv_message message = {.type = 1};
    own->unread = msgsnd(own->queue, &message, sizeof message.text, IPC_NOWAIT) == 0;
}

/* An interruption that crossed the release leaves its message behind. */
static int msgrcv_reset(struct sp_object *object, long result) {
    struct msgrcv_own *own = SP_SPACE(struct msgrcv_own, object);
    struct msgrcv_message message;
    if (own->unread && result < 0)
        (void)msgrcv(own->queue, &message, sizeof message.text, 0, IPC_NOWAIT);
    own->unread = false;
    return 0;
}

static void msgrcv_close(struct sp_object *object) {
    sp_helper_end(&SP_SPACE(struct msgrcv_own, object)->remover);
}

static const struct sp_call msgrcv_call = {
    .name = "msgrcv",
    .purpose = "receive from an empty System V message queue",
    .open = msgrcv_open,
    .enter = msgrcv_enter,
    .release = msgrcv_release,
    .reset = msgrcv_reset,
    .close = msgrcv_close,
};
SP_CALL(msgrcv_call);
