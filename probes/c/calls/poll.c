/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <poll.h>
#include <unistd.h>

struct poll_ends {
    int end[2];
    bool unread; /* the releasing byte is still in the pipe */
};

static int poll_open(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct poll_ends, object)->end));
}

static long poll_enter(struct sp_object *object) {
    struct pollfd wanted = {.fd = SP_SPACE(struct poll_ends, object)->end[0], .events = POLLIN};
    return poll(&wanted, 1, -1);
}

static void poll_release(struct sp_object *object) {
    struct poll_ends *own = SP_SPACE(struct poll_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

static int poll_reset(struct sp_object *object, long result) {
    struct poll_ends *own = SP_SPACE(struct poll_ends, object);
    char byte;
    (void)result;
    if (own->unread)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call poll_call = {
    .name = "poll",
    .purpose = "poll an empty pipe for reading",
    .open = poll_open,
    .enter = poll_enter,
    .release = poll_release,
    .reset = poll_reset,
};
SP_CALL(poll_call);
