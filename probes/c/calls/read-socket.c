/* SPDX-License-Identifier: BSD-2-Clause */
/* As read-pipe, on a pair of stream sockets. */
#include "../engine.h"

#include <sys/socket.h>
#include <unistd.h>

struct read_socket {
    int end[2];
    bool unread; /* the releasing byte is still in the socket */
};

static int read_socket_open(struct sp_object *object) {
    struct read_socket *own = SP_SPACE(struct read_socket, object);
    return sp_error(socketpair(AF_UNIX, SOCK_STREAM, 0, own->end));
}

static long read_socket_enter(struct sp_object *object) {
    char byte;
    return read(SP_SPACE(struct read_socket, object)->end[0], &byte, 1);
}

static void read_socket_release(struct sp_object *object) {
    struct read_socket *own = SP_SPACE(struct read_socket, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int read_socket_reset(struct sp_object *object, long result) {
    struct read_socket *own = SP_SPACE(struct read_socket, object);
    char byte;
    if (own->unread && result < 0)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call read_socket = {
    .name = "read-socket",
    .purpose = "read from an empty stream socket",
    .open = read_socket_open,
    .enter = read_socket_enter,
    .release = read_socket_release,
    .reset = read_socket_reset,
};
SP_CALL(read_socket);
