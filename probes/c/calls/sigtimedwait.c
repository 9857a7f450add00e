/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for the rescue and, where the tested signal is blocked, for that too: then it takes it. */
#include "../engine.h"

#include <time.h>

#if !defined(__APPLE__) && !defined(__OpenBSD__)

enum { SIGTIMEDWAIT_SECONDS = 36000 };

static int sigtimedwait_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long sigtimedwait_enter(struct sp_object *object) {
    struct timespec limit = {.tv_sec = SIGTIMEDWAIT_SECONDS};
    return sigtimedwait(&object->awaited, NULL, &limit);
}

static const struct sp_call sigtimedwait_call = {
    .name = "sigtimedwait",
    .purpose = "wait in sigtimedwait for hours, for the tested signal if it is blocked",
    .open = sigtimedwait_open,
    .enter = sigtimedwait_enter,
    .awaits = true,
};
SP_CALL(sigtimedwait_call);

#else
SP_ABSENT(SP_KIND_CALL, sigtimedwait_call, "sigtimedwait",
          "wait in sigtimedwait for hours, for the tested signal if it is blocked",
          "no sigtimedwait in <signal.h>");
#endif
