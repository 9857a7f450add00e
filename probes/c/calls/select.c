/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <sys/select.h>
#include <unistd.h>

struct select_ends {
    int end[2];
    bool unread; /* the releasing byte is still in the pipe */
};

static int select_open(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct select_ends, object)->end));
}

static long select_enter(struct sp_object *object) {
    int fd = SP_SPACE(struct select_ends, object)->end[0];
    fd_set wanted;
    FD_ZERO(&wanted);
    FD_SET(fd, &wanted);
    return select(fd + 1, &wanted, NULL, NULL, NULL);
}

static void select_release(struct sp_object *object) {
    struct select_ends *own = SP_SPACE(struct select_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

static int select_reset(struct sp_object *object, long result) {
    struct select_ends *own = SP_SPACE(struct select_ends, object);
    char byte;
    (void)result;
    if (own->unread)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call select_call = {
    .name = "select",
    .purpose = "select an empty pipe for reading",
    .open = select_open,
    .enter = select_enter,
    .release = select_release,
    .reset = select_reset,
};
SP_CALL(select_call);
