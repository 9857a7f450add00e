/* SPDX-License-Identifier: BSD-2-Clause */
/* By system call: on the BSDs and older Linux the functions are in librt, which the one-file build
 * does not link. mq_receive is mq_timedreceive without a time (mq_receive(3)). */
#include "../engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifdef __has_include
#if __has_include(<mqueue.h>) && __has_include(<sys/syscall.h>)
#include <mqueue.h>
#include <sys/syscall.h>
#endif
#endif

/* The kernel's names for them; Linux wants a name without its slash (mq_open(2)). */
#if defined(SYS_kmq_timedreceive)
#define MQ_RECEIVE_SYS(what) SYS_kmq_##what
#define MQ_RECEIVE_NAME "/sigprobe-r-%d-%d"
#elif defined(SYS___mq_timedreceive50)
#define MQ_RECEIVE_SYS(what) MQ_RECEIVE_##what
#define MQ_RECEIVE_NAME "/sigprobe-r-%d-%d"
enum {
    MQ_RECEIVE_open = SYS_mq_open,
    MQ_RECEIVE_unlink = SYS_mq_unlink,
    MQ_RECEIVE_timedsend = SYS___mq_timedsend50,
    MQ_RECEIVE_timedreceive = SYS___mq_timedreceive50
};
#elif defined(__linux__) && defined(SYS_mq_timedreceive)
#define MQ_RECEIVE_SYS(what) SYS_mq_##what
#define MQ_RECEIVE_NAME "sigprobe-r-%d-%d"
#endif

#ifdef MQ_RECEIVE_SYS

struct mq_receive_own {
    int queue;
    bool unread; /* the releasing message is still in the queue */
};

/* Nothing is left behind: the name goes at once. */
static int mq_receive_open(struct sp_object *object) {
    struct mq_receive_own *own = SP_SPACE(struct mq_receive_own, object);
    struct mq_attr room = {.mq_maxmsg = 1, .mq_msgsize = 1};
    char name[40];
    (void)snprintf(name, sizeof name, MQ_RECEIVE_NAME, (int)getpid(), object->index);
    own->queue = (int)syscall(MQ_RECEIVE_SYS(open), name, O_RDWR | O_CREAT | O_EXCL, 0600, &room);
    int error = sp_error(own->queue);
    (void)syscall(MQ_RECEIVE_SYS(unlink), name);
    return error;
}

static long mq_receive_take(int queue) {
    char byte;
    return syscall(MQ_RECEIVE_SYS(timedreceive), queue, &byte, (size_t)1, NULL, NULL);
}

static long mq_receive_enter(struct sp_object *object) {
    return mq_receive_take(SP_SPACE(struct mq_receive_own, object)->queue);
}

static void mq_receive_release(struct sp_object *object) {
    struct mq_receive_own *own = SP_SPACE(struct mq_receive_own, object);
    own->unread = syscall(MQ_RECEIVE_SYS(timedsend), own->queue, "", (size_t)1, 0u, NULL) == 0;
}

/* An interruption that crossed the release leaves its message behind. */
static int mq_receive_reset(struct sp_object *object, long result) {
    struct mq_receive_own *own = SP_SPACE(struct mq_receive_own, object);
    if (own->unread && result < 0)
        (void)mq_receive_take(own->queue);
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
