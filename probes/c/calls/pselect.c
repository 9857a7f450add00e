/* SPDX-License-Identifier: BSD-2-Clause */
/* The mask is put on and taken off with the wait in one step, so nothing is lost between the two.
 */
#include "../engine.h"

#include <sys/select.h>

static long pselect_enter(struct sp_object *object) {
    int fd = SP_SPACE(struct sp_ends, object)->end[0];
    fd_set wanted;
    FD_ZERO(&wanted);
    FD_SET(fd, &wanted);
    return pselect(fd + 1, &wanted, NULL, NULL, NULL, &object->swapped);
}

static const struct sp_call pselect_call = {
    .name = "pselect",
    .purpose = "pselect an empty pipe for reading, with the tested signal open",
    .open = sp_ends_pipe,
    .enter = pselect_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(pselect_call);
