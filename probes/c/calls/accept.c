/* SPDX-License-Identifier: BSD-2-Clause */
/* On a listening Unix socket: a client that connects ends the wait. */
#include "../engine.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct accept_own {
    struct sockaddr_un address;
    int listener;
    int client; /* -1 while there is none */
};

static int accept_open(struct sp_object *object) {
    struct accept_own *own = SP_SPACE(struct accept_own, object);
    const struct sockaddr *address = (const struct sockaddr *)&own->address;
    int length = snprintf(own->address.sun_path, sizeof own->address.sun_path, "%s/accept-%d",
                          object->dir, object->index);
    if (!object->dir[0])
        return ENOENT;
    if (length >= (int)sizeof own->address.sun_path)
        return ENAMETOOLONG;
    own->address.sun_family = AF_UNIX;
    own->client = -1;
    own->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (own->listener < 0 || bind(own->listener, address, sizeof own->address) != 0)
        return errno;
    return sp_error(listen(own->listener, 1));
}

static long accept_enter(struct sp_object *object) {
    return accept(SP_SPACE(struct accept_own, object)->listener, NULL, NULL);
}

static void accept_release(struct sp_object *object) {
    struct accept_own *own = SP_SPACE(struct accept_own, object);
    own->client = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)connect(own->client, (const struct sockaddr *)&own->address, sizeof own->address);
}

/* An interruption that crossed the release leaves the client in the queue. */
static int accept_reset(struct sp_object *object, long result) {
    struct accept_own *own = SP_SPACE(struct accept_own, object);
    if (own->client < 0)
        return 0;
    (void)close(result >= 0 ? (int)result : accept(own->listener, NULL, NULL));
    (void)close(own->client);
    own->client = -1;
    return 0;
}

static const struct sp_call accept_call = {
    .name = "accept",
    .purpose = "wait for a client of a Unix stream socket",
    .open = accept_open,
    .enter = accept_enter,
    .release = accept_release,
    .reset = accept_reset,
};
SP_CALL(accept_call);
