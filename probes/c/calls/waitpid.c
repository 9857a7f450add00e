/* SPDX-License-Identifier: BSD-2-Clause */
/* The child does not end, so no trial brings a SIGCHLD of its own; the rescue ends the wait. */
#include "../engine.h"

#include <sys/wait.h>

static int waitpid_open(struct sp_object *object) {
    return sp_helper_start(SP_SPACE(struct sp_helper, object), NULL, 0);
}

static long waitpid_enter(struct sp_object *object) {
    return waitpid(SP_SPACE(struct sp_helper, object)->process, NULL, 0);
}

static void waitpid_close(struct sp_object *object) {
    sp_helper_end(SP_SPACE(struct sp_helper, object));
}

static const struct sp_call waitpid_call = {
    .name = "waitpid",
    .purpose = "wait for a child that does not end",
    .open = waitpid_open,
    .enter = waitpid_enter,
    .close = waitpid_close,
};
SP_CALL(waitpid_call);
