/* SPDX-License-Identifier: BSD-2-Clause */
/* As write-socket. */
#include "../engine.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SENDMSG_CHUNK = 16384, SENDMSG_BUFFER = 4096 };

struct sendmsg_ends {
    int end[2];
    bool drained;
};

static char sendmsg_junk[SENDMSG_CHUNK];

static int sendmsg_fill(const struct sendmsg_ends *own) {
    if (fcntl(own->end[1], F_SETFL, O_NONBLOCK) != 0)
        return errno;
    for (size_t size = sizeof sendmsg_junk; size; size /= 2)
        while (write(own->end[1], sendmsg_junk, size) > 0)
            continue;
    return sp_error(fcntl(own->end[1], F_SETFL, 0));
}

static int sendmsg_open(struct sp_object *object) {
    struct sendmsg_ends *own = SP_SPACE(struct sendmsg_ends, object);
    int size = SENDMSG_BUFFER;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, own->end) != 0)
        return errno;
    (void)setsockopt(own->end[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(own->end[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)fcntl(own->end[0], F_SETFL, O_NONBLOCK);
    return sendmsg_fill(own);
}

static long sendmsg_enter(struct sp_object *object) {
    char byte = 0;
    struct iovec sent = {&byte, 1};
    struct msghdr message = {.msg_iov = &sent, .msg_iovlen = 1};
    return sendmsg(SP_SPACE(struct sendmsg_ends, object)->end[1], &message, 0);
}

/* Linux wakes a writer only when the buffer is half empty (unix_write_space): take it all. */
static void sendmsg_release(struct sp_object *object) {
    struct sendmsg_ends *own = SP_SPACE(struct sendmsg_ends, object);
    own->drained = true;
    while (read(own->end[0], sendmsg_junk, sizeof sendmsg_junk) > 0)
        continue;
}

static int sendmsg_reset(struct sp_object *object, long result) {
    struct sendmsg_ends *own = SP_SPACE(struct sendmsg_ends, object);
    (void)result;
    int error = own->drained ? sendmsg_fill(own) : 0;
    own->drained = false;
    return error;
}

static const struct sp_call sendmsg_call = {
    .name = "sendmsg",
    .purpose = "sendmsg to a full stream socket",
    .open = sendmsg_open,
    .enter = sendmsg_enter,
    .release = sendmsg_release,
    .reset = sendmsg_reset,
};
SP_CALL(sendmsg_call);
