/* SPDX-License-Identifier: BSD-2-Clause */
/* On Linux, connecting to a Unix socket waits while the listener's queue is full (unix(7), EAGAIN;
 * net/unix/af_unix.c, unix_stream_connect); the BSDs refuse at once, so it does not block there. */
#include "../engine.h"

#ifdef __linux__

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct connect_own {
    struct sockaddr_un address;
    int listener, client;
    bool drained;
};

static long connect_client(const struct connect_own *own, int client) {
    return connect(client, (const struct sockaddr *)&own->address, sizeof own->address);
}

/* A backlog of 0 has room for one; a client that is gone again still takes it. */
static int connect_fill(const struct connect_own *own) {
    int filler = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int error = sp_error(connect_client(own, filler));
    (void)close(filler);
    return error;
}

static int connect_open(struct sp_object *object) {
    struct connect_own *own = SP_SPACE(struct connect_own, object);
    int length = snprintf(own->address.sun_path, sizeof own->address.sun_path, "%s/connect-%d",
                          object->dir, object->index);
    if (!object->dir[0])
        return ENOENT;
    if (length >= (int)sizeof own->address.sun_path)
        return ENAMETOOLONG;
    own->address.sun_family = AF_UNIX;
    own->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    own->client = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct sockaddr *address = (const struct sockaddr *)&own->address;
    if (bind(own->listener, address, sizeof own->address) != 0 || listen(own->listener, 0) != 0)
        return errno;
    return connect_fill(own);
}

static long connect_enter(struct sp_object *object) {
    struct connect_own *own = SP_SPACE(struct connect_own, object);
    return connect_client(own, own->client);
}

static void connect_release(struct sp_object *object) {
    struct connect_own *own = SP_SPACE(struct connect_own, object);
    own->drained = close(accept(own->listener, NULL, NULL)) == 0;
}

/* The released client fills the queue by itself; where an interruption crossed the release, another
 * has to. */
static int connect_reset(struct sp_object *object, long result) {
    struct connect_own *own = SP_SPACE(struct connect_own, object);
    bool drained = own->drained;
    own->drained = false;
    if (result < 0)
        return drained ? connect_fill(own) : 0;
    (void)close(own->client);
    own->client = socket(AF_UNIX, SOCK_STREAM, 0);
    return sp_error(own->client);
}

static const struct sp_call connect_call = {
    .name = "connect",
    .purpose = "connect to a Unix stream socket whose queue is full",
    .open = connect_open,
    .enter = connect_enter,
    .release = connect_release,
    .reset = connect_reset,
};
SP_CALL(connect_call);

#else
SP_ABSENT(SP_KIND_CALL, connect_call, "connect",
          "connect to a Unix stream socket whose queue is full",
          "connect to a full queue is refused at once: it blocks on Linux only");
#endif
