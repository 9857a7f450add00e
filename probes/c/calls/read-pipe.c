/* SPDX-License-Identifier: BSD-2-Clause */
/* The plainest slow call there is: a byte ends it. */
#include "../engine.h"

#include <unistd.h>

struct read_pipe {
    int end[2];
    bool unread; /* the releasing byte is still in the pipe */
};

static int read_pipe_open(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct read_pipe, object)->end));
}

static long read_pipe_enter(struct sp_object *object) {
    char byte;
    return read(SP_SPACE(struct read_pipe, object)->end[0], &byte, 1);
}

static void read_pipe_release(struct sp_object *object) {
    struct read_pipe *own = SP_SPACE(struct read_pipe, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int read_pipe_reset(struct sp_object *object, long result) {
    struct read_pipe *own = SP_SPACE(struct read_pipe, object);
    char byte;
    if (own->unread && result < 0)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call read_pipe = {
    .name = "read-pipe",
    .purpose = "read from an empty pipe",
    .open = read_pipe_open,
    .enter = read_pipe_enter,
    .release = read_pipe_release,
    .reset = read_pipe_reset,
};
SP_CALL(read_pipe);
