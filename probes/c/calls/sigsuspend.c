/* SPDX-License-Identifier: BSD-2-Clause */
/* The mask is put on and taken off with the wait in one step, so nothing is lost between the two.
 */
#include "../engine.h"

static int sigsuspend_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long sigsuspend_enter(struct sp_object *object) {
    return sigsuspend(&object->swapped);
}

static const struct sp_call sigsuspend_call = {
    .name = "sigsuspend",
    .purpose = "wait for a signal that runs a handler, with the tested signal open",
    .open = sigsuspend_open,
    .enter = sigsuspend_enter,
};
SP_CALL(sigsuspend_call);
