/* SPDX-License-Identifier: BSD-2-Clause */
#include "../engine.h"

#include <time.h>

/* OpenBSD and macOS have none (their <time.h>). */
#if !defined(__APPLE__) && !defined(__OpenBSD__)

enum { CLOCK_NANOSLEEP_SECONDS = 36000 };

static int clock_nanosleep_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long clock_nanosleep_enter(struct sp_object *object) {
    struct timespec span = {.tv_sec = CLOCK_NANOSLEEP_SECONDS};
    (void)object;
    errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
    return errno ? -1 : 0;
}

static const struct sp_call clock_nanosleep_call = {
    .name = "clock_nanosleep",
    .purpose = "sleep for hours on the monotonic clock",
    .open = clock_nanosleep_open,
    .enter = clock_nanosleep_enter,
};
SP_CALL(clock_nanosleep_call);

#else
SP_ABSENT(SP_KIND_CALL, clock_nanosleep_call, "clock_nanosleep",
          "sleep for hours on the monotonic clock", "no clock_nanosleep in <time.h>");
#endif
