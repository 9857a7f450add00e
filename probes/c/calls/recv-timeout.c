/* SPDX-License-Identifier: BSD-2-Clause */
/* A time limit on the socket turns a restart into EINTR on Linux (signal(7), and sock_intr_errno in
 * include/net/sock.h). */
#include "../engine.h"

#include <sys/socket.h>
#include <sys/time.h>

enum { RECV_TIMEOUT_SECONDS = 36000 };

struct recv_timeout {
    int end[2];
    bool unread; /* the releasing byte is still in the socket */
};

static int recv_timeout_open(struct sp_object *object) {
    struct recv_timeout *own = SP_SPACE(struct recv_timeout, object);
    struct timeval limit = {.tv_sec = RECV_TIMEOUT_SECONDS};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, own->end) != 0)
        return errno;
    return sp_error(setsockopt(own->end[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
}

static long recv_timeout_enter(struct sp_object *object) {
    char byte;
    return recv(SP_SPACE(struct recv_timeout, object)->end[0], &byte, 1, 0);
}

static void recv_timeout_release(struct sp_object *object) {
    struct recv_timeout *own = SP_SPACE(struct recv_timeout, object);
    own->unread = send(own->end[1], "", 1, 0) == 1;
}

/* An interruption that crossed the release leaves its byte behind. */
static int recv_timeout_reset(struct sp_object *object, long result) {
    struct recv_timeout *own = SP_SPACE(struct recv_timeout, object);
    char byte;
    if (own->unread && result < 0)
        (void)!recv(own->end[0], &byte, 1, 0);
    own->unread = false;
    return 0;
}

static const struct sp_call recv_timeout = {
    .name = "recv-timeout",
    .purpose = "receive from an empty stream socket that has a receive time-out",
    .open = recv_timeout_open,
    .enter = recv_timeout_enter,
    .release = recv_timeout_release,
    .reset = recv_timeout_reset,
};
SP_CALL(recv_timeout);
