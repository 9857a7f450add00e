/* SPDX-License-Identifier: BSD-2-Clause */
/* As write-pipe, on a pair of stream sockets. */
#include "../engine.h"

#include <sys/socket.h>
#include <unistd.h>

static int write_socket_open(struct sp_object *object) {
    int error = sp_ends_sockets(object);
    return error ? error : sp_ends_fill(object);
}

static long write_socket_enter(struct sp_object *object) {
    return write(SP_SPACE(struct sp_ends, object)->end[1], "", 1);
}

static const struct sp_call write_socket = {
    .name = "write-socket",
    .purpose = "write to a full stream socket",
    .open = write_socket_open,
    .enter = write_socket_enter,
    .release = sp_ends_make_room,
    .reset = sp_ends_refill,
};
SP_CALL(write_socket);
