/* SPDX-License-Identifier: BSD-2-Clause */
/* By system call: on the BSDs and older Linux the functions are in librt, which the one-file build
 * does not link. mq_send is mq_timedsend without a time (mq_send(3)). */
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
#define MQ_SEND_SYS(what) SYS_kmq_##what
#define MQ_SEND_NAME "/sigprobe-s-%d-%d"
#elif defined(SYS___mq_timedreceive50)
#define MQ_SEND_SYS(what) MQ_SEND_##what
#define MQ_SEND_NAME "/sigprobe-s-%d-%d"
enum {
    MQ_SEND_open = SYS_mq_open,
    MQ_SEND_unlink = SYS_mq_unlink,
    MQ_SEND_timedsend = SYS___mq_timedsend50,
    MQ_SEND_timedreceive = SYS___mq_timedreceive50
};
#elif defined(__linux__) && defined(SYS_mq_timedreceive)
#define MQ_SEND_SYS(what) SYS_mq_##what
#define MQ_SEND_NAME "sigprobe-s-%d-%d"
#endif

#ifdef MQ_SEND_SYS

struct mq_send_own {
    int queue;
    bool drained;
};

static long mq_send_one(int queue) {
    return syscall(MQ_SEND_SYS(timedsend), queue, "", (size_t)1, 0u, NULL);
}

/* One message fills it. Nothing is left behind: the name goes at once. */
static int mq_send_open(struct sp_object *object) {
    struct mq_send_own *own = SP_SPACE(struct mq_send_own, object);
    struct mq_attr room = {.mq_maxmsg = 1, .mq_msgsize = 1};
    char name[40];
    (void)snprintf(name, sizeof name, MQ_SEND_NAME, (int)getpid(), object->index);
    own->queue = (int)syscall(MQ_SEND_SYS(open), name, O_RDWR | O_CREAT | O_EXCL, 0600, &room);
    int error = sp_error(own->queue < 0 ? -1 : mq_send_one(own->queue));
    (void)syscall(MQ_SEND_SYS(unlink), name);
    return error;
}

static long mq_send_enter(struct sp_object *object) {
    return mq_send_one(SP_SPACE(struct mq_send_own, object)->queue);
}

static void mq_send_release(struct sp_object *object) {
    struct mq_send_own *own = SP_SPACE(struct mq_send_own, object);
    char byte;
    own->drained =
        syscall(MQ_SEND_SYS(timedreceive), own->queue, &byte, (size_t)1, NULL, NULL) >= 0;
}

/* The released message fills the queue by itself; where an interruption crossed the release,
 * another has to. */
static int mq_send_reset(struct sp_object *object, long result) {
    struct mq_send_own *own = SP_SPACE(struct mq_send_own, object);
    bool drained = own->drained;
    own->drained = false;
    return drained && result < 0 ? sp_error(mq_send_one(own->queue)) : 0;
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
