/* SPDX-License-Identifier: BSD-2-Clause */
/* As read-pipe, on a pair of stream sockets. */
#include "../engine.h"

#include <unistd.h>

static long read_socket_enter(struct sp_object *object) {
    char byte;
    return read(SP_SPACE(struct sp_ends, object)->end[0], &byte, 1);
}

static const struct sp_call read_socket = {
    .name = "read-socket",
    .purpose = "read from an empty stream socket",
    .open = sp_ends_sockets,
    .enter = read_socket_enter,
    .release = sp_ends_put,
    .reset = sp_ends_retrieve,
};
SP_CALL(read_socket);
