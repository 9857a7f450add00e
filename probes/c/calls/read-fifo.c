/* SPDX-License-Identifier: BSD-2-Clause */
/* As read-pipe, on a pipe that had a name. */
#include "../engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_fifo_open(struct sp_object *object) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/read-fifo-%d", object->dir, object->index);
    if (!object->dir[0])
        return ENOENT;
    if (mkfifo(path, 0600) != 0)
        return errno;
    own->end[0] = open(path, O_RDONLY | O_NONBLOCK); /* blocking, it would wait for a writer */
    own->end[1] = open(path, O_WRONLY);
    (void)unlink(path);
    return sp_error(own->end[1] < 0 ? -1 : fcntl(own->end[0], F_SETFL, 0));
}

static long read_fifo_enter(struct sp_object *object) {
    char byte;
    return read(SP_SPACE(struct sp_ends, object)->end[0], &byte, 1);
}

static const struct sp_call read_fifo = {
    .name = "read-fifo",
    .purpose = "read from an empty FIFO",
    .open = read_fifo_open,
    .enter = read_fifo_enter,
    .release = sp_ends_put,
    .reset = sp_ends_retrieve,
};
SP_CALL(read_fifo);
