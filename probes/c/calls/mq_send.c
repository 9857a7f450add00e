/* SPDX-License-Identifier: BSD-2-Clause */
#include "../mq.h"

#ifdef SP_MQ

struct mq_send_own {
    int queue;
    bool drained;
};

/* One message fills it. */
static int mq_send_open(struct sp_object *object) {
    struct mq_send_own *own = SP_SPACE(struct mq_send_own, object);
    own->queue = sp_mq_open(object);
    return sp_error(own->queue < 0 ? -1 : sp_mq_send(own->queue));
}

static long mq_send_enter(struct sp_object *object) {
    return sp_mq_send(SP_SPACE(struct mq_send_own, object)->queue);
}

static void mq_send_release(struct sp_object *object) {
    struct mq_send_own *own = SP_SPACE(struct mq_send_own, object);
    own->drained = sp_mq_receive(own->queue) >= 0;
}

/* The released message fills the queue by itself; where an interruption crossed the release,
 * another has to. */
static int mq_send_reset(struct sp_object *object, long result) {
    struct mq_send_own *own = SP_SPACE(struct mq_send_own, object);
    bool drained = own->drained;
    own->drained = false;
    return drained && result < 0 ? sp_error(sp_mq_send(own->queue)) : 0;
}

static const struct sp_call mq_send_call = {
    .name = "mq_send",
    .purpose = "send to a full POSIX message queue",
    .open = mq_send_open,
    .enter = mq_send_enter,
    .release = mq_send_release,
    .reset = mq_send_reset,
};
SP_CALL(mq_send_call);

#else
SP_ABSENT(SP_KIND_CALL, mq_send_call, "mq_send", "send to a full POSIX message queue",
          "no <mqueue.h>");
#endif
