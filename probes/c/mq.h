/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX message queues by system call: on the BSDs and older Linux the functions are in librt,
 * which the one-file build does not link. mq_send and mq_receive are the timed ones without a time
 * (mq_send(3), mq_receive(3)). SP_MQ is defined where the kernel has them. */
#ifndef SIGPROBE_MQ_H
#define SIGPROBE_MQ_H

#include "engine.h"

#ifdef __has_include
#if __has_include(<mqueue.h>) && __has_include(<sys/syscall.h>)
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

/* The kernels' names for them; Linux wants a queue's name without its slash (mq_open(2)). */
#if defined(SYS_kmq_timedreceive) /* FreeBSD, DragonFly: sys/kern/syscalls.master */
#define SP_MQ(what) SYS_kmq_##what
#define SP_MQ_NAME "/sigprobe-%d-%d"
#elif defined(SYS___mq_timedreceive50) /* NetBSD: sys/kern/syscalls.master */
#define SP_MQ(what) SP_MQ_##what
#define SP_MQ_NAME "/sigprobe-%d-%d"
enum {
    SP_MQ_open = SYS_mq_open,
    SP_MQ_unlink = SYS_mq_unlink,
    SP_MQ_timedsend = SYS___mq_timedsend50,
    SP_MQ_timedreceive = SYS___mq_timedreceive50
};
#elif defined(__linux__) && defined(SYS_mq_timedreceive)
#define SP_MQ(what) SYS_mq_##what
#define SP_MQ_NAME "sigprobe-%d-%d"
#endif

#ifdef SP_MQ

/* A queue for one message of one byte, or -1 with errno. Its name goes at once. */
static inline int sp_mq_open(const struct sp_object *object) {
    struct mq_attr room = {.mq_maxmsg = 1, .mq_msgsize = 1};
    char name[40];
    (void)snprintf(name, sizeof name, SP_MQ_NAME, (int)getpid(), object->index);
    int queue = (int)syscall(SP_MQ(open), name, O_RDWR | O_CREAT | O_EXCL, 0600, &room);
    int error = errno;
    (void)syscall(SP_MQ(unlink), name);
    errno = error;
    return queue;
}

static inline long sp_mq_send(int queue) {
    return syscall(SP_MQ(timedsend), queue, "", (size_t)1, 0u, NULL);
}

static inline long sp_mq_receive(int queue) {
    char byte;
    return syscall(SP_MQ(timedreceive), queue, &byte, (size_t)1, NULL, NULL);
}

#endif
#endif
