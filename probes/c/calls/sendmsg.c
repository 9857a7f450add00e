/* SPDX-License-Identifier: BSD-2-Clause */
/* As write-socket. */
#include "../engine.h"

#include <sys/socket.h>
#include <sys/uio.h>

static int sendmsg_open(struct sp_object *object) {
    int error = sp_ends_sockets(object);
    return error ? error : sp_ends_fill(object);
}

static long sendmsg_enter(struct sp_object *object) {
    char byte = 0;
    struct iovec sent = {&byte, 1};
    struct msghdr message = {.msg_iov = &sent, .msg_iovlen = 1};
    return sendmsg(SP_SPACE(struct sp_ends, object)->end[1], &message, 0);
}

static const struct sp_call sendmsg_call = {
    .name = "sendmsg",
    .purpose = "sendmsg to a full stream socket",
    .open = sendmsg_open,
    .enter = sendmsg_enter,
    .release = sp_ends_make_room,
    .reset = sp_ends_refill,
};
SP_CALL(sendmsg_call);
