/* SPDX-License-Identifier: BSD-2-Clause */
/* It says that it was cut short by what it has left, not by errno (sleep(3)). */
#include "../engine.h"

#include <unistd.h>

enum { SLEEP_SECONDS = 36000 };

static int sleep_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long sleep_enter(struct sp_object *object) {
    (void)object;
    bool whole = sleep(SLEEP_SECONDS) == 0;
    errno = whole ? 0 : EINTR;
    return whole ? 0 : -1;
}

static const struct sp_call sleep_call = {
    .name = "sleep",
    .purpose = "sleep for hours by sleep",
    .open = sleep_open,
    .enter = sleep_enter,
};
SP_CALL(sleep_call);
