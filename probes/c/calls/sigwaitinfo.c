/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for the rescue and, where the tested signal is blocked, for that too: then it takes it. */
#include "../engine.h"

#if !defined(__APPLE__) && !defined(__OpenBSD__)

static int sigwaitinfo_open(struct sp_object *object) {
    (void)object;
    return 0;
}

static long sigwaitinfo_enter(struct sp_object *object) {
    return sigwaitinfo(&object->awaited, NULL);
}

static const struct sp_call sigwaitinfo_call = {
    .name = "sigwaitinfo",
    .purpose = "wait in sigwaitinfo, for the tested signal if it is blocked",
    .open = sigwaitinfo_open,
    .enter = sigwaitinfo_enter,
    .awaits = true,
};
SP_CALL(sigwaitinfo_call);

#else
SP_ABSENT(SP_KIND_CALL, sigwaitinfo_call, "sigwaitinfo",
          "wait in sigwaitinfo, for the tested signal if it is blocked",
          "no sigwaitinfo in <signal.h>");
#endif
