/* SPDX-License-Identifier: BSD-2-Clause */
/* Two ends of a pipe or a socket: a call waits at the first, a byte into the second ends it. */
#include "engine.h"

#include <sys/socket.h>
#include <unistd.h>

int sp_ends_pipe(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct sp_ends, object)->end));
}

int sp_ends_sockets(struct sp_object *object) {
    return sp_error(socketpair(AF_UNIX, SOCK_STREAM, 0, SP_SPACE(struct sp_ends, object)->end));
}

void sp_ends_release(struct sp_object *object) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

int sp_ends_drain(struct sp_object *object, long result) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    char byte;
    (void)result;
    if (own->unread)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

int sp_ends_retrieve(struct sp_object *object, long result) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    own->unread = own->unread && result < 0;
    return sp_ends_drain(object, result);
}
