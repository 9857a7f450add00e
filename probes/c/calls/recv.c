/* SPDX-License-Identifier: BSD-2-Clause */
/* Without a time limit; recv-timeout has one, and Linux then no longer restarts it. */
#include "../engine.h"

#include <sys/socket.h>

static long recv_enter(struct sp_object *object) {
    char byte;
    return recv(SP_SPACE(struct sp_ends, object)->end[0], &byte, 1, 0);
}

static const struct sp_call recv_call = {
    .name = "recv",
    .purpose = "receive from an empty stream socket",
    .open = sp_ends_sockets,
    .enter = recv_enter,
    .release = sp_ends_put,
    .reset = sp_ends_retrieve,
};
SP_CALL(recv_call);
