/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for the rescue and, where the tested signal is blocked, for that too: then it takes it. */
#include "../engine.h"

static int sigwait_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long sigwait_enter(struct sp_object *object) {
    int got = 0;
    errno = sigwait(&object->awaited, &got);
    return errno ? -1 : got;
}

static const struct sp_call sigwait_call = {
    .name = "sigwait",
    .purpose = "wait in sigwait, for the tested signal if it is blocked",
    .open = sigwait_open,
    .enter = sigwait_enter,
    .awaits = true,
};
SP_CALL(sigwait_call);
