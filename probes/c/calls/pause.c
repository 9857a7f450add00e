/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <unistd.h>

static int pause_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long pause_enter(struct sp_object *object) {
    (void)object;
    return pause();
}

static const struct sp_call pause_call = {
    .name = "pause",
    .purpose = "wait for a signal that runs a handler",
    .open = pause_open,
    .enter = pause_enter,
};
SP_CALL(pause_call);
