/* SPDX-License-Identifier: BSD-2-Clause */
/* A FIFO opens for reading when somebody has it open for writing. */
#include "../engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct open_fifo {
    char path[160];
    int partner; /* -1 while there is none */
};

static int open_fifo_open(struct sp_object *object) {
    struct open_fifo *own = SP_SPACE(struct open_fifo, object);
    (void)snprintf(own->path, sizeof own->path, "%s/open-fifo-%d", object->dir, object->index);
    own->partner = -1;
    return object->dir[0] ? sp_error(mkfifo(own->path, 0600)) : ENOENT;
}

static long open_fifo_enter(struct sp_object *object) {
    return open(SP_SPACE(struct open_fifo, object)->path, O_RDONLY);
}

/* For both ways, since this never waits: POSIX leaves it open, every kernel here does it. */
static void open_fifo_release(struct sp_object *object) {
    struct open_fifo *own = SP_SPACE(struct open_fifo, object);
    own->partner = open(own->path, O_RDWR);
}

static int open_fifo_reset(struct sp_object *object, long result) {
    struct open_fifo *own = SP_SPACE(struct open_fifo, object);
    if (result >= 0)
        (void)close((int)result);
    if (own->partner >= 0)
        (void)close(own->partner);
    own->partner = -1;
    return 0;
}

static const struct sp_call open_fifo = {
    .name = "open-fifo",
    .purpose = "open a FIFO that nobody writes to",
    .open = open_fifo_open,
    .enter = open_fifo_enter,
    .release = open_fifo_release,
    .reset = open_fifo_reset,
};
SP_CALL(open_fifo);
