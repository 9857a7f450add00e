/* SPDX-License-Identifier: BSD-2-Clause */
/* As write-pipe, on a pair of stream sockets with a small buffer. */
#include "../engine.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITE_SOCKET_CHUNK = 16384, WRITE_SOCKET_BUFFER = 4096 };

struct write_socket {
    int end[2];
    bool drained;
};

static char write_socket_junk[WRITE_SOCKET_CHUNK];

static int write_socket_fill(const struct write_socket *own) {
    if (fcntl(own->end[1], F_SETFL, O_NONBLOCK) != 0)
        return errno;
    for (size_t size = sizeof write_socket_junk; size; size /= 2)
        while (write(own->end[1], write_socket_junk, size) > 0)
            continue;
    return sp_error(fcntl(own->end[1], F_SETFL, 0));
}

static int write_socket_open(struct sp_object *object) {
    struct write_socket *own = SP_SPACE(struct write_socket, object);
    int size = WRITE_SOCKET_BUFFER;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, own->end) != 0)
        return errno;
    (void)setsockopt(own->end[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(own->end[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)fcntl(own->end[0], F_SETFL, O_NONBLOCK);
    return write_socket_fill(own);
}

static long write_socket_enter(struct sp_object *object) {
    return write(SP_SPACE(struct write_socket, object)->end[1], "", 1);
}

/* Linux wakes a writer only when the buffer is half empty (unix_write_space): take it all. */
static void write_socket_release(struct sp_object *object) {
    struct write_socket *own = SP_SPACE(struct write_socket, object);
    own->drained = true;
    while (read(own->end[0], write_socket_junk, sizeof write_socket_junk) > 0)
        continue;
}

static int write_socket_reset(struct sp_object *object, long result) {
    struct write_socket *own = SP_SPACE(struct write_socket, object);
    (void)result;
    int error = own->drained ? write_socket_fill(own) : 0;
    own->drained = false;
    return error;
}

static const struct sp_call write_socket = {
    .name = "write-socket",
    .purpose = "write to a full stream socket",
    .open = write_socket_open,
    .enter = write_socket_enter,
    .release = write_socket_release,
    .reset = write_socket_reset,
};
SP_CALL(write_socket);
