/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <time.h>

enum { NANOSLEEP_SECONDS = 36000 };

static int nanosleep_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long nanosleep_enter(struct sp_object *object) {
    struct timespec span = {.tv_sec = NANOSLEEP_SECONDS};
    (void)object;
    return nanosleep(&span, NULL);
}

static const struct sp_call nanosleep_call = {
    .name = "nanosleep",
    .purpose = "sleep for hours",
    .open = nanosleep_open,
    .enter = nanosleep_enter,
};
SP_CALL(nanosleep_call);
