/* SPDX-License-Identifier: BSD-2-Clause */
/* A pipe is full when not even a byte goes in; it is filled anew after each release. */
#include "../engine.h"

#include <unistd.h>

static int write_pipe_open(struct sp_object *object) {
    int error = sp_ends_pipe(object);
    return error ? error : sp_ends_fill(object);
}

static long write_pipe_enter(struct sp_object *object) {
    return write(SP_SPACE(struct sp_ends, object)->end[1], "", 1);
}

static const struct sp_call write_pipe = {
    .name = "write-pipe",
    .purpose = "write to a full pipe",
    .open = write_pipe_open,
    .enter = write_pipe_enter,
    .release = sp_ends_make_room,
    .reset = sp_ends_refill,
};
SP_CALL(write_pipe);
