/* SPDX-License-Identifier: BSD-2-Clause */
/* FreeBSD's counterpart of futex-wait: the call under every lock of its C library, bare. Written
 * from _umtx_op(2). */
#include "../engine.h"

#ifdef __FreeBSD__

#include <sys/umtx.h>

static int umtx_wait_open(struct sp_object *object) {
    atomic_init(SP_SPACE(_Atomic unsigned, object), 0);
    return 0;
}

static long umtx_wait_enter(struct sp_object *object) {
    return _umtx_op(object->space, UMTX_OP_WAIT_UINT_PRIVATE, 0, NULL, NULL);
}

static void umtx_wait_release(struct sp_object *object) {
    atomic_store(SP_SPACE(_Atomic unsigned, object), 1);
    (void)_umtx_op(object->space, UMTX_OP_WAKE_PRIVATE, 1, NULL, NULL);
}

static int umtx_wait_reset(struct sp_object *object, long result) {
    (void)result;
    atomic_store(SP_SPACE(_Atomic unsigned, object), 0);
    return 0;
}

static const struct sp_call umtx_wait = {
    .name = "umtx-wait",
    .purpose = "wait on a word by FreeBSD's _umtx_op",
    .open = umtx_wait_open,
    .enter = umtx_wait_enter,
    .release = umtx_wait_release,
    .reset = umtx_wait_reset,
};
SP_CALL(umtx_wait);

#else
SP_ABSENT(SP_KIND_CALL, umtx_wait, "umtx-wait", "wait on a word by FreeBSD's _umtx_op",
          "no <sys/umtx.h>: it is FreeBSD's own");
#endif
