/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <sys/uio.h>

static long readv_enter(struct sp_object *object) {
    char byte;
    const struct iovec room = {&byte, 1};
    return readv(SP_SPACE(struct sp_ends, object)->end[0], &room, 1);
}

static const struct sp_call readv_call = {
    .name = "readv",
    .purpose = "readv from an empty pipe",
    .open = sp_ends_pipe,
    .enter = readv_enter,
    .release = sp_ends_put,
    .reset = sp_ends_retrieve,
};
SP_CALL(readv_call);
