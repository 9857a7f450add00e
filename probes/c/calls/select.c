/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <sys/select.h>

static long select_enter(struct sp_object *object) {
    int fd = SP_SPACE(struct sp_ends, object)->end[0];
    fd_set wanted;
    FD_ZERO(&wanted);
    FD_SET(fd, &wanted);
    return select(fd + 1, &wanted, NULL, NULL, NULL);
}

static const struct sp_call select_call = {
    .name = "select",
    .purpose = "select an empty pipe for reading",
    .open = sp_ends_pipe,
    .enter = select_enter,
    .release = sp_ends_put,
    .reset = sp_ends_drain,
};
SP_CALL(select_call);
