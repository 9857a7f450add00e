/* SPDX-License-Identifier: BSD-2-Clause */
/* FreeBSD has it since 13, NetBSD since 10 (their eventfd(2)). */
#include "../engine.h"

#ifdef __has_include
#if __has_include(<sys/eventfd.h>)
#include <sys/eventfd.h>
#include <unistd.h>
#define READ_EVENTFD_HERE
#endif
#endif

#ifdef READ_EVENTFD_HERE

struct read_eventfd {
    int fd;
    bool unread; /* the releasing count is still there */
};

static int read_eventfd_open(struct sp_object *object) {
    struct read_eventfd *own = SP_SPACE(struct read_eventfd, object);
    own->fd = eventfd(0, 0);
    return sp_error(own->fd);
}

static long read_eventfd_enter(struct sp_object *object) {
    uint64_t count;
    return read(SP_SPACE(struct read_eventfd, object)->fd, &count, sizeof count);
}

static void read_eventfd_release(struct sp_object *object) {
    struct read_eventfd *own = SP_SPACE(struct read_eventfd, object);
    const uint64_t one = 1;
    own->unread = write(own->fd, &one, sizeof one) > 0;
}

/* An interruption that crossed the release leaves its count behind. */
static int read_eventfd_reset(struct sp_object *object, long result) {
    struct read_eventfd *own = SP_SPACE(struct read_eventfd, object);
    uint64_t count;
    if (own->unread && result < 0)
        (void)!read(own->fd, &count, sizeof count);
    own->unread = false;
    return 0;
}

static const struct sp_call read_eventfd = {
    .name = "read-eventfd",
    .purpose = "read an eventfd whose count is 0",
    .open = read_eventfd_open,
    .enter = read_eventfd_enter,
    .release = read_eventfd_release,
    .reset = read_eventfd_reset,
};
SP_CALL(read_eventfd);

#else
SP_ABSENT(SP_KIND_CALL, read_eventfd, "read-eventfd", "read an eventfd whose count is 0",
          "no <sys/eventfd.h>");
#endif
