/* SPDX-License-Identifier: BSD-2-Clause */
/* Without a time limit; recv-timeout has one, and Linux then no longer restarts it. */
#include "../engine.h"

#include <sys/socket.h>

struct recv_ends {
    int end[2];
    bool unread; /* the releasing byte is still in the socket */
};

static int recv_open(struct sp_object *object) {
    struct recv_ends *own = SP_SPACE(struct recv_ends, object);
    return sp_error(socketpair(AF_UNIX, SOCK_STREAM, 0, own->end));
}

static long recv_enter(struct sp_object *object) {
    char byte;
    return recv(SP_SPACE(struct recv_ends, object)->end[0], &byte, 1, 0);
}

static void recv_release(struct sp_object *object) {
    struct recv_ends *own = SP_SPACE(struct recv_ends, object);
    own->unread = send(own->end[1], "", 1, 0) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int recv_reset(struct sp_object *object, long result) {
    struct recv_ends *own = SP_SPACE(struct recv_ends, object);
    char byte;
    if (own->unread && result < 0)
        (void)!recv(own->end[0], &byte, 1, 0);
    own->unread = false;
    return 0;
}

static const struct sp_call recv_call = {
    .name = "recv",
    .purpose = "receive from an empty stream socket",
    .open = recv_open,
    .enter = recv_enter,
    .release = recv_release,
    .reset = recv_reset,
};
SP_CALL(recv_call);
