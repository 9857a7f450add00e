/* SPDX-License-Identifier: BSD-2-Clause */
/* With a time-out, a handler ends the wait on Linux, SA_RESTART or not: the restart is one of those
 * that only a signal without a handler gets (kernel/futex/waitwake.c, futex_wait). */
#include "../engine.h"

#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#elif defined(__OpenBSD__)
#include <sys/time.h>

#include <sys/futex.h>
#endif

#if defined(SYS_futex) || defined(__OpenBSD__)

enum { FUTEX_WAIT_TIMEOUT_SECONDS = 36000 };

#if defined(__linux__)
#include <linux/futex.h>
/* Two longs are what this number takes, whatever the C library's timespec is. */
static long futex_wait_timeout_call(_Atomic uint32_t *word, int operation, int value) {
    const long limit[2] = {FUTEX_WAIT_TIMEOUT_SECONDS, 0};
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, limit, NULL, 0);
}
#else
static long futex_wait_timeout_call(_Atomic uint32_t *word, int operation, int value) {
    const struct timespec limit = {.tv_sec = FUTEX_WAIT_TIMEOUT_SECONDS};
    return futex((volatile uint32_t *)word, operation | FUTEX_PRIVATE_FLAG, value, &limit, NULL);
}
#endif

static int futex_wait_timeout_open(struct sp_object *object) {
    atomic_init(SP_SPACE(_Atomic uint32_t, object), 0);
    return 0;
}

static long futex_wait_timeout_enter(struct sp_object *object) {
    return futex_wait_timeout_call(SP_SPACE(_Atomic uint32_t, object), FUTEX_WAIT, 0);
}

static void futex_wait_timeout_release(struct sp_object *object) {
    _Atomic uint32_t *word = SP_SPACE(_Atomic uint32_t, object);
    atomic_store(word, 1);
    (void)futex_wait_timeout_call(word, FUTEX_WAKE, 1);
}

static int futex_wait_timeout_reset(struct sp_object *object, long result) {
    (void)result;
    atomic_store(SP_SPACE(_Atomic uint32_t, object), 0);
    return 0;
}

static const struct sp_call futex_wait_timeout = {
    .name = "futex-wait-timeout",
    .purpose = "wait on a futex, by the system call itself, for hours",
    .open = futex_wait_timeout_open,
    .enter = futex_wait_timeout_enter,
    .release = futex_wait_timeout_release,
    .reset = futex_wait_timeout_reset,
};
SP_CALL(futex_wait_timeout);

#else
SP_ABSENT(SP_KIND_CALL, futex_wait_timeout, "futex-wait-timeout",
          "wait on a futex, by the system call itself, for hours",
          "no futex in <sys/syscall.h> or <sys/futex.h>");
#endif
