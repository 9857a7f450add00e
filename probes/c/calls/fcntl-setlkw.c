/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock belongs to the process, so something else must hold it: a lock that belongs to an open
 * file does, in the same process too. Linux has one in fcntl(2) (open file description locks); on
 * the BSDs and macOS the locks of flock(2) do the same, and the page says that they are compatible.
 */
#include "../engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

struct fcntl_setlkw {
    int holder, waiter;
};

static int fcntl_setlkw_set(int fd, int command, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};
    return fcntl(fd, command, &lock);
}

#ifdef __linux__
static int fcntl_setlkw_hold(int fd) {
    return fcntl_setlkw_set(fd, F_OFD_SETLK, F_WRLCK);
}
static int fcntl_setlkw_drop(int fd) {
    return fcntl_setlkw_set(fd, F_OFD_SETLK, F_UNLCK);
}
#else
static int fcntl_setlkw_hold(int fd) {
    return flock(fd, LOCK_EX | LOCK_NB);
}
static int fcntl_setlkw_drop(int fd) {
    return flock(fd, LOCK_UN);
}
#endif

static int fcntl_setlkw_open(struct sp_object *object) {
    struct fcntl_setlkw *own = SP_SPACE(struct fcntl_setlkw, object);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/fcntl-setlkw-%d", object->dir, object->index);
    if (!object->dir[0])
        return ENOENT;
    own->holder = open(path, O_RDWR | O_CREAT, 0600);
    own->waiter = open(path, O_RDWR);
    return sp_error(own->waiter < 0 ? -1 : fcntl_setlkw_hold(own->holder));
}

static long fcntl_setlkw_enter(struct sp_object *object) {
    return fcntl_setlkw_set(SP_SPACE(struct fcntl_setlkw, object)->waiter, F_SETLKW, F_WRLCK);
}

static void fcntl_setlkw_release(struct sp_object *object) {
    (void)fcntl_setlkw_drop(SP_SPACE(struct fcntl_setlkw, object)->holder);
}

static int fcntl_setlkw_reset(struct sp_object *object, long result) {
    struct fcntl_setlkw *own = SP_SPACE(struct fcntl_setlkw, object);
    (void)result;
    (void)fcntl_setlkw_set(own->waiter, F_SETLK, F_UNLCK);
    return sp_error(fcntl_setlkw_hold(own->holder));
}

static const struct sp_call fcntl_setlkw_call = {
    .name = "fcntl-setlkw",
    .purpose = "wait for a record lock on a file",
    .open = fcntl_setlkw_open,
    .enter = fcntl_setlkw_enter,
    .release = fcntl_setlkw_release,
    .reset = fcntl_setlkw_reset,
};
SP_CALL(fcntl_setlkw_call);
