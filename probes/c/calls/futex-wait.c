/* SPDX-License-Identifier: BSD-2-Clause */
/* The call under every lock of a C library, bare. OpenBSD has it as a function (futex(2)). */
#include "../engine.h"

#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#elif defined(__OpenBSD__)
#include <sys/time.h>

#include <sys/futex.h>
#endif

#if defined(SYS_futex) || defined(__OpenBSD__)

#if defined(__linux__)
#include <linux/futex.h>
static long futex_wait_call(_Atomic uint32_t *word, int operation, int value) {
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}
#else
static long futex_wait_call(_Atomic uint32_t *word, int operation, int value) {
    return futex((volatile uint32_t *)word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL);
}
#endif

static int futex_wait_open(struct sp_object *object) {
    atomic_init(SP_SPACE(_Atomic uint32_t, object), 0);
    return 0;
}

static long futex_wait_enter(struct sp_object *object) {
    return futex_wait_call(SP_SPACE(_Atomic uint32_t, object), FUTEX_WAIT, 0);
}

static void futex_wait_release(struct sp_object *object) {
    _Atomic uint32_t *word = SP_SPACE(_Atomic uint32_t, object);
    atomic_store(word, 1);
    (void)futex_wait_call(word, FUTEX_WAKE, 1);
}

static int futex_wait_reset(struct sp_object *object, long result) {
    (void)result;
    atomic_store(SP_SPACE(_Atomic uint32_t, object), 0);
    return 0;
}

static const struct sp_call futex_wait = {
    .name = "futex-wait",
    .purpose = "wait on a futex, by the system call itself",
    .open = futex_wait_open,
    .enter = futex_wait_enter,
    .release = futex_wait_release,
    .reset = futex_wait_reset,
};
SP_CALL(futex_wait);

#else
SP_ABSENT(SP_KIND_CALL, futex_wait, "futex-wait", "wait on a futex, by the system call itself",
          "no futex in <sys/syscall.h> or <sys/futex.h>");
#endif
