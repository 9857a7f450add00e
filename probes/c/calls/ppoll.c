/* SPDX-License-Identifier: BSD-2-Clause */
/* The mask is put on and taken off with the wait in one step, so nothing is lost between the two.
 */
#include "../engine.h"

#ifndef __APPLE__

#include <poll.h>

static long ppoll_enter(struct sp_object *object) {
    struct pollfd wanted = {.fd = SP_SPACE(struct sp_ends, object)->end[0], .events = POLLIN};
    return ppoll(&wanted, 1, NULL, &object->swapped);
}

static const struct sp_call ppoll_call = {
    .name = "ppoll",
    .purpose = "ppoll an empty pipe for reading, with the tested signal open",
    .open = sp_ends_pipe,
    .enter = ppoll_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(ppoll_call);

#else
SP_ABSENT(SP_KIND_CALL, ppoll_call, "ppoll",
          "ppoll an empty pipe for reading, with the tested signal open", "no ppoll in <poll.h>");
#endif
