/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock belongs to an open file, so two of them in one process are enough to wait. */
#include "../engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

struct flock_own {
    int holder, waiter;
};

static int flock_open(struct sp_object *object) {
    struct flock_own *own = SP_SPACE(struct flock_own, object);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/flock-%d", object->dir, object->index);
    if (!object->dir[0])
        return ENOENT;
    own->holder = open(path, O_RDWR | O_CREAT, 0600);
    own->waiter = open(path, O_RDWR);
    return sp_error(own->waiter < 0 ? -1 : flock(own->holder, LOCK_EX));
}

static long flock_enter(struct sp_object *object) {
    return flock(SP_SPACE(struct flock_own, object)->waiter, LOCK_EX);
}

static void flock_release(struct sp_object *object) {
    (void)flock(SP_SPACE(struct flock_own, object)->holder, LOCK_UN);
}

static int flock_reset(struct sp_object *object, long result) {
    struct flock_own *own = SP_SPACE(struct flock_own, object);
    (void)result;
    (void)flock(own->waiter, LOCK_UN);
    return sp_error(flock(own->holder, LOCK_EX));
}

static const struct sp_call flock_call = {
    .name = "flock",
    .purpose = "wait for a lock on a file",
    .open = flock_open,
    .enter = flock_enter,
    .release = flock_release,
    .reset = flock_reset,
};
SP_CALL(flock_call);
