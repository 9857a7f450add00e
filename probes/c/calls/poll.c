/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <poll.h>

static long poll_enter(struct sp_object *object) {
    struct pollfd wanted = {.fd = SP_SPACE(struct sp_ends, object)->end[0], .events = POLLIN};
    return poll(&wanted, 1, -1);
}

static const struct sp_call poll_call = {
    .name = "poll",
    .purpose = "poll an empty pipe for reading",
    .open = sp_ends_pipe,
    .enter = poll_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(poll_call);
