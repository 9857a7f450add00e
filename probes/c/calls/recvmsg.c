/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <sys/socket.h>
#include <sys/uio.h>

static long recvmsg_enter(struct sp_object *object) {
    char byte;
    struct iovec room = {&byte, 1};
    struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1};
    return recvmsg(SP_SPACE(struct sp_ends, object)->end[0], &message, 0);
}

static const struct sp_call recvmsg_call = {
    .name = "recvmsg",
    .purpose = "recvmsg from an empty stream socket",
    .open = sp_ends_sockets,
    .enter = recvmsg_enter,
    .release = sp_ends_put,
    .reset = sp_ends_retrieve,
};
SP_CALL(recvmsg_call);
