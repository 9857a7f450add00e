/* SPDX-License-Identifier: BSD-2-Clause */
/* A pipe is full when not even a byte goes in; it is filled anew after each release. */
#include "../engine.h"

#include <fcntl.h>
#include <unistd.h>

enum { WRITE_PIPE_CHUNK = 65536 };

struct write_pipe {
    int end[2];
    bool drained;
};

static char write_pipe_junk[WRITE_PIPE_CHUNK];

/* Ever smaller pieces fill the last corner of a kernel that keeps pages (Linux). */
static int write_pipe_fill(const struct write_pipe *own) {
    if (fcntl(own->end[1], F_SETFL, O_NONBLOCK) != 0)
        return errno;
    for (size_t size = sizeof write_pipe_junk; size; size /= 2)
        while (write(own->end[1], write_pipe_junk, size) > 0)
            continue;
    return sp_error(fcntl(own->end[1], F_SETFL, 0));
}

static int write_pipe_open(struct sp_object *object) {
    struct write_pipe *own = SP_SPACE(struct write_pipe, object);
    return pipe(own->end) == 0 ? write_pipe_fill(own) : errno;
}

static long write_pipe_enter(struct sp_object *object) {
    return write(SP_SPACE(struct write_pipe, object)->end[1], "", 1);
}

static void write_pipe_release(struct sp_object *object) {
    struct write_pipe *own = SP_SPACE(struct write_pipe, object);
    own->drained = read(own->end[0], write_pipe_junk, sizeof write_pipe_junk) > 0;
}

static int write_pipe_reset(struct sp_object *object, long result) {
    struct write_pipe *own = SP_SPACE(struct write_pipe, object);
    (void)result;
    int error = own->drained ? write_pipe_fill(own) : 0;
    own->drained = false;
    return error;
}

static const struct sp_call write_pipe = {
    .name = "write-pipe",
    .purpose = "write to a full pipe",
    .open = write_pipe_open,
    .enter = write_pipe_enter,
    .release = write_pipe_release,
    .reset = write_pipe_reset,
};
SP_CALL(write_pipe);
