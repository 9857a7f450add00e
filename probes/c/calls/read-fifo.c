/* SPDX-License-Identifier: BSD-2-Clause */
/* As read-pipe, on a pipe that had a name. */
#include "../engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct read_fifo {
    int end[2];
    bool unread; /* the releasing byte is still in the FIFO */
};

static int read_fifo_open(struct sp_object *object) {
    struct read_fifo *own = SP_SPACE(struct read_fifo, object);
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
    return read(SP_SPACE(struct read_fifo, object)->end[0], &byte, 1);
}

static void read_fifo_release(struct sp_object *object) {
    struct read_fifo *own = SP_SPACE(struct read_fifo, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int read_fifo_reset(struct sp_object *object, long result) {
    struct read_fifo *own = SP_SPACE(struct read_fifo, object);
    char byte;
    if (own->unread && result < 0)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call read_fifo = {
    .name = "read-fifo",
    .purpose = "read from an empty FIFO",
    .open = read_fifo_open,
    .enter = read_fifo_enter,
    .release = read_fifo_release,
    .reset = read_fifo_reset,
};
SP_CALL(read_fifo);
