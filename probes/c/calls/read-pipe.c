/* SPDX-License-Identifier: BSD-2-Clause */
/* The plainest slow call there is: a byte ends it. */
#include "../engine.h"

#include <unistd.h>

static long read_pipe_enter(struct sp_object *object) {
    char byte;
    return read(SP_SPACE(struct sp_ends, object)->end[0], &byte, 1);
}

static const struct sp_call read_pipe = {
    .name = "read-pipe",
    .purpose = "read from an empty pipe",
    .open = sp_ends_pipe,
    .enter = read_pipe_enter,
    .release = sp_ends_put,
    .reset = sp_ends_retrieve,
};
SP_CALL(read_pipe);
