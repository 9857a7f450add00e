/* SPDX-License-Identifier: BSD-2-Clause */
/* FreeBSD has it since 14, NetBSD since 10 (their timerfd(2)). */
#include "../engine.h"

#ifdef __has_include
#if __has_include(<sys/timerfd.h>)
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#define READ_TIMERFD_HERE
#endif
#endif

#ifdef READ_TIMERFD_HERE

static int read_timerfd_open(struct sp_object *object) {
    int *fd = SP_SPACE(int, object);
    *fd = timerfd_create(CLOCK_MONOTONIC, 0);
    return sp_error(*fd);
}

static long read_timerfd_enter(struct sp_object *object) {
    uint64_t count;
    return read(*SP_SPACE(int, object), &count, sizeof count);
}

/* 0 ns disarms it and forgets what has run out. */
static int read_timerfd_arm(struct sp_object *object, long ns) {
    const struct itimerspec when = {.it_value = {.tv_nsec = ns}};
    return sp_error(timerfd_settime(*SP_SPACE(int, object), 0, &when, NULL));
}

static void read_timerfd_release(struct sp_object *object) {
    (void)read_timerfd_arm(object, 1);
}

static int read_timerfd_reset(struct sp_object *object, long result) {
    (void)result;
    return read_timerfd_arm(object, 0);
}

static const struct sp_call read_timerfd = {
    .name = "read-timerfd",
    .purpose = "read a timerfd that is not armed",
    .open = read_timerfd_open,
    .enter = read_timerfd_enter,
    .release = read_timerfd_release,
    .reset = read_timerfd_reset,
};
SP_CALL(read_timerfd);

#else
SP_ABSENT(SP_KIND_CALL, read_timerfd, "read-timerfd", "read a timerfd that is not armed",
          "no <sys/timerfd.h>");
#endif
