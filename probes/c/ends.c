/* SPDX-License-Identifier: BSD-2-Clause */
/* What calls on pipes and sockets share: their two ends, and how such a call is released. */
#include "engine.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int sp_ends_pipe(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct sp_ends, object)->end));
}

int sp_ends_sockets(struct sp_object *object) {
    return sp_error(socketpair(AF_UNIX, SOCK_STREAM, 0, SP_SPACE(struct sp_ends, object)->end));
}

/* ------------------------------------------------------------------ a byte to wait for */

void sp_ends_put(struct sp_object *object) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    own->released = write(own->end[1], "", 1) == 1;
}

int sp_ends_drain(struct sp_object *object, long result) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    char byte;
    (void)result;
    if (own->released)
        (void)!read(own->end[0], &byte, 1);
    own->released = false;
    return 0;
}

/* An interruption that crossed the release has left the byte behind. */
int sp_ends_retrieve(struct sp_object *object, long result) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    own->released = own->released && result < 0;
    return sp_ends_drain(object, result);
}

/* ------------------------------------------------------------------ room to wait for */

static char ends_junk[65536]; /* the leader's alone */

/* A small buffer is soon full; a pipe keeps its own size. */
static void ends_shrink(const struct sp_ends *own) {
    const int size = 4096;
    (void)setsockopt(own->end[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(own->end[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* Ever smaller pieces fill the last corner of a kernel that keeps pages (Linux). */
int sp_ends_fill(struct sp_object *object) {
    const struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    ends_shrink(own);
    if (fcntl(own->end[0], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(own->end[1], F_SETFL, O_NONBLOCK) != 0)
        return errno;
    for (size_t size = sizeof ends_junk; size; size /= 2)
        while (write(own->end[1], ends_junk, size) > 0)
            continue;
    return sp_error(fcntl(own->end[1], F_SETFL, 0));
}

/* All of it: Linux wakes a socket's writer only when the buffer is half empty (unix_write_space in
 * net/unix/af_unix.c). */
void sp_ends_make_room(struct sp_object *object) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    own->released = true;
    while (read(own->end[0], ends_junk, sizeof ends_junk) > 0)
        continue;
}

int sp_ends_refill(struct sp_object *object, long result) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    bool released = own->released;
    (void)result;
    own->released = false;
    return released ? sp_ends_fill(object) : 0;
}
