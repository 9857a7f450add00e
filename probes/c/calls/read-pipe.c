/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <unistd.h>

struct read_pipe {
    int end[2];
};

static int read_pipe_open(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct read_pipe, object)->end));
}

static long read_pipe_enter(struct sp_object *object) {
    char byte;
    return read(SP_SPACE(struct read_pipe, object)->end[0], &byte, 1);
}

static void read_pipe_release(struct sp_object *object) {
    (void)!write(SP_SPACE(struct read_pipe, object)->end[1], "", 1);
}

static const struct sp_call read_pipe = {
    .name = "read-pipe",
    .purpose = "read from an empty pipe",
    .open = read_pipe_open,
    .enter = read_pipe_enter,
    .release = read_pipe_release,
};
SP_CALL(read_pipe);
