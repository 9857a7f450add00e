/* SPDX-License-Identifier: BSD-2-Clause */
/* An absolute sleep needs no remaining time to be restarted: Linux restarts it without SA_RESTART
 * when no handler ran, and otherwise treats it as the relative one (signal(7)). */
#include "../engine.h"

#include <time.h>

/* OpenBSD and macOS have none (their <time.h>). */
#if !defined(__APPLE__) && !defined(__OpenBSD__)

enum { CLOCK_NANOSLEEP_ABSOLUTE_SECONDS = 360000 };

static int clock_nanosleep_absolute_open(struct sp_object *object) {
    struct timespec *deadline = SP_SPACE(struct timespec, object);
    int error = sp_error(clock_gettime(CLOCK_MONOTONIC, deadline));
    deadline->tv_sec += CLOCK_NANOSLEEP_ABSOLUTE_SECONDS;
    return error;
}

static long clock_nanosleep_absolute_enter(struct sp_object *object) {
    struct timespec *deadline = SP_SPACE(struct timespec, object);
    errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, deadline, NULL);
    return errno ? -1 : 0;
}

static const struct sp_call clock_nanosleep_absolute = {
    .name = "clock_nanosleep-absolute",
    .purpose = "sleep until a time on the monotonic clock that is hours away",
    .open = clock_nanosleep_absolute_open,
    .enter = clock_nanosleep_absolute_enter,
};
SP_CALL(clock_nanosleep_absolute);

#else
SP_ABSENT(SP_KIND_CALL, clock_nanosleep_absolute, "clock_nanosleep-absolute",
          "sleep until a time on the monotonic clock that is hours away",
          "no clock_nanosleep in <time.h>");
#endif
