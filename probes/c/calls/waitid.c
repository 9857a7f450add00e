/* SPDX-License-Identifier: BSD-2-Clause */
/* The child does not end, so no trial brings a SIGCHLD of its own; the rescue ends the wait. */
#include "../engine.h"

#include <sys/wait.h>

/* OpenBSD has it since 7.1 (its waitid(2)). */
#ifdef WEXITED

static int waitid_open(struct sp_object *object) {
    return sp_helper_start(SP_SPACE(struct sp_helper, object), NULL, 0);
}

static long waitid_enter(struct sp_object *object) {
    siginfo_t how;
    return waitid(P_PID, (id_t)SP_SPACE(struct sp_helper, object)->process, &how, WEXITED);
}

static void waitid_close(struct sp_object *object) {
    sp_helper_end(SP_SPACE(struct sp_helper, object));
}

static const struct sp_call waitid_call = {
    .name = "waitid",
    .purpose = "wait by waitid for a child that does not end",
    .open = waitid_open,
    .enter = waitid_enter,
    .close = waitid_close,
};
SP_CALL(waitid_call);

#else
SP_ABSENT(SP_KIND_CALL, waitid_call, "waitid", "wait by waitid for a child that does not end",
          "no waitid in <sys/wait.h>");
#endif
