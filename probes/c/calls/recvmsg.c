/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <sys/socket.h>
#include <sys/uio.h>

struct recvmsg_ends {
    int end[2];
    bool unread; /* the releasing byte is still in the socket */
};

static int recvmsg_open(struct sp_object *object) {
    struct recvmsg_ends *own = SP_SPACE(struct recvmsg_ends, object);
    return sp_error(socketpair(AF_UNIX, SOCK_STREAM, 0, own->end));
}

static long recvmsg_enter(struct sp_object *object) {
    char byte;
    struct iovec room = {&byte, 1};
    struct msghdr message = {.msg_iov = &room, .msg_iovlen = 1};
    return recvmsg(SP_SPACE(struct recvmsg_ends, object)->end[0], &message, 0);
}

static void recvmsg_release(struct sp_object *object) {
    struct recvmsg_ends *own = SP_SPACE(struct recvmsg_ends, object);
    own->unread = send(own->end[1], "", 1, 0) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int recvmsg_reset(struct sp_object *object, long result) {
    struct recvmsg_ends *own = SP_SPACE(struct recvmsg_ends, object);
    char byte;
    if (own->unread && result < 0)
        (void)!recv(own->end[0], &byte, 1, 0);
    own->unread = false;
    return 0;
}

static const struct sp_call recvmsg_call = {
    .name = "recvmsg",
    .purpose = "recvmsg from an empty stream socket",
    .open = recvmsg_open,
    .enter = recvmsg_enter,
    .release = recvmsg_release,
    .reset = recvmsg_reset,
};
SP_CALL(recvmsg_call);
