/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <sys/uio.h>
#include <unistd.h>

struct readv_ends {
    int end[2];
    bool unread; /* the releasing byte is still in the pipe */
};

static int readv_open(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct readv_ends, object)->end));
}

static long readv_enter(struct sp_object *object) {
    char byte;
    const struct iovec room = {&byte, 1};
    return readv(SP_SPACE(struct readv_ends, object)->end[0], &room, 1);
}

static void readv_release(struct sp_object *object) {
    struct readv_ends *own = SP_SPACE(struct readv_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int readv_reset(struct sp_object *object, long result) {
    struct readv_ends *own = SP_SPACE(struct readv_ends, object);
    char byte;
    if (own->unread && result < 0)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call readv_call = {
    .name = "readv",
    .purpose = "readv from an empty pipe",
    .open = readv_open,
    .enter = readv_enter,
    .release = readv_release,
    .reset = readv_reset,
};
SP_CALL(readv_call);
