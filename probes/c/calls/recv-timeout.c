/* SPDX-License-Identifier: BSD-2-Clause */
/* A time limit on the socket turns a restart into EINTR on Linux (signal(7), and sock_intr_errno in
 * include/net/sock.h). */
#include "../engine.h"

#include <sys/socket.h>
#include <sys/time.h>

enum { RECV_TIMEOUT_SECONDS = 36000 };

static int recv_timeout_open(struct sp_object *object) {
    struct sp_ends *own = SP_SPACE(struct sp_ends, object);
    struct timeval limit = {.tv_sec = RECV_TIMEOUT_SECONDS};
    if (sp_ends_sockets(object) != 0)
        return errno;
    return sp_error(setsockopt(own->end[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
}

static long recv_timeout_enter(struct sp_object *object) {
    char byte;
    return recv(SP_SPACE(struct sp_ends, object)->end[0], &byte, 1, 0);
}

static const struct sp_call recv_timeout = {
    .name = "recv-timeout",
    .purpose = "receive from an empty stream socket that has a receive time-out",
    .open = recv_timeout_open,
    .enter = recv_timeout_enter,
    .release = sp_ends_put,
    .reset = sp_ends_retrieve,
};
SP_CALL(recv_timeout);
