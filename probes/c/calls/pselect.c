/* SPDX-License-Identifier: BSD-2-Clause */
/* The mask is put on and taken off with the wait in one step, so nothing is lost between the two.
 */
#include "../engine.h"

#include <sys/select.h>
#include <unistd.h>

struct pselect_ends {
    int end[2];
    bool unread; /* the releasing byte is still in the pipe */
};

static int pselect_open(struct sp_object *object) {
    return sp_error(pipe(SP_SPACE(struct pselect_ends, object)->end));
}

static long pselect_enter(struct sp_object *object) {
    int fd = SP_SPACE(struct pselect_ends, object)->end[0];
    fd_set wanted;
    FD_ZERO(&wanted);
    FD_SET(fd, &wanted);
    return pselect(fd + 1, &wanted, NULL, NULL, NULL, &object->swapped);
}

static void pselect_release(struct sp_object *object) {
    struct pselect_ends *own = SP_SPACE(struct pselect_ends, object);
    own->unread = write(own->end[1], "", 1) == 1;
}

static int pselect_reset(struct sp_object *object, long result) {
    struct pselect_ends *own = SP_SPACE(struct pselect_ends, object);
    char byte;
    (void)result;
    if (own->unread)
        (void)!read(own->end[0], &byte, 1);
    own->unread = false;
    return 0;
}

static const struct sp_call pselect_call = {
    .name = "pselect",
    .purpose = "pselect an empty pipe for reading, with the tested signal open",
    .open = pselect_open,
    .enter = pselect_enter,
    .release = pselect_release,
    .reset = pselect_reset,
};
SP_CALL(pselect_call);
