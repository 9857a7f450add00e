/* SPDX-License-Identifier: BSD-2-Clause */
/* The mask is put on and taken off with the wait in one step, so nothing is lost between the two.
 */
#include "../engine.h"

#ifndef __APPLE__

#include <poll.h>
#include <unistd.h>

struct ppoll_ends {
    int end[2];
    bool unread; /* the releasing byte is still in the pipe */
};

static int ppoll_open(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct ppoll_ends, object)->end));
}

static long ppoll_enter(struct sp_object *object) {
    struct pollfd wanted = {.fd = SP_SPACE(struct ppoll_ends, object)->end[0], .events = POLLIN};
    return ppoll(&wanted, 1, NULL, &object->swapped);
}

static void ppoll_release(struct sp_object *object) {
    struct ppoll_ends *own = SP_SPACE(struct ppoll_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

static int ppoll_reset(struct sp_object *object, long result) {
    struct ppoll_ends *own = SP_SPACE(struct ppoll_ends, object);
    char byte;
    (void)result;
    if (own->unread)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call ppoll_call = {
    .name = "ppoll",
    .purpose = "ppoll an empty pipe for reading, with the tested signal open",
    .open = ppoll_open,
    .enter = ppoll_enter,
    .release = ppoll_release,
    .reset = ppoll_reset,
};
SP_CALL(ppoll_call);

#else
SP_ABSENT(SP_KIND_CALL, ppoll_call, "ppoll",
          "ppoll an empty pipe for reading, with the tested signal open", "no ppoll in <poll.h>");
#endif
