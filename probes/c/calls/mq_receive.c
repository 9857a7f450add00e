/* SPDX-License-Identifier: BSD-2-Clause */
#include "../mq.h"

#ifdef SP_MQ

struct mq_receive_own {
    int queue;
    bool unread; /* the releasing message is still in the queue */
};

static int mq_receive_open(struct sp_object *object) {
    struct mq_receive_own *own = SP_SPACE(struct mq_receive_own, object);
    own->queue = sp_mq_open(object);
    return sp_error(own->queue);
}

static long mq_receive_enter(struct sp_object *object) {
    return sp_mq_receive(SP_SPACE(struct mq_receive_own, object)->queue);
}

static void mq_receive_release(struct sp_object *object) {
    struct mq_receive_own *own = SP_SPACE(struct mq_receive_own, object);
    own->unread = sp_mq_send(own->queue) == 0;
}

/* An interruption that crossed the release leaves its message behind. */
static int mq_receive_reset(struct sp_object *object, long result) {
    struct mq_receive_own *own = SP_SPACE(struct mq_receive_own, object);
    if (own->unread && result < 0)
        (void)sp_mq_receive(own->queue);
    own->unread = false;
    return 0;
}

static const struct sp_call mq_receive_call = {
    .name = "mq_receive",
    .purpose = "receive from an empty POSIX message queue",
    .open = mq_receive_open,
    .enter = mq_receive_enter,
    .release = mq_receive_release,
    .reset = mq_receive_reset,
};
SP_CALL(mq_receive_call);

#else
SP_ABSENT(SP_KIND_CALL, mq_receive_call, "mq_receive", "receive from an empty POSIX message queue",
          "no <mqueue.h>");
#endif
