/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock belongs to an open file, so two of them in one process are enough to wait. */
#include "../engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifdef F_OFD_SETLKW

struct fcntl_ofd_setlkw {
    int holder, waiter;
};

static int fcntl_ofd_setlkw_set(int fd, int command, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};
    return fcntl(fd, command, &lock);
}

static int fcntl_ofd_setlkw_open(struct sp_object *object) {
    struct fcntl_ofd_setlkw *own = SP_SPACE(struct fcntl_ofd_setlkw, object);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/fcntl-ofd-setlkw-%d", object->dir, object->index);
    if (!object->dir[0])
        return ENOENT;
    own->holder = open(path, O_RDWR | O_CREAT, 0600);
    own->waiter = open(path, O_RDWR);
    return sp_error(fcntl_ofd_setlkw_set(own->holder, F_OFD_SETLK, F_WRLCK));
}

static long fcntl_ofd_setlkw_enter(struct sp_object *object) {
    struct fcntl_ofd_setlkw *own = SP_SPACE(struct fcntl_ofd_setlkw, object);
    return fcntl_ofd_setlkw_set(own->waiter, F_OFD_SETLKW, F_WRLCK);
}

static void fcntl_ofd_setlkw_release(struct sp_object *object) {
    struct fcntl_ofd_setlkw *own = SP_SPACE(struct fcntl_ofd_setlkw, object);
    (void)fcntl_ofd_setlkw_set(own->holder, F_OFD_SETLK, F_UNLCK);
}

static int fcntl_ofd_setlkw_reset(struct sp_object *object, long result) {
    struct fcntl_ofd_setlkw *own = SP_SPACE(struct fcntl_ofd_setlkw, object);
    (void)result;
    (void)fcntl_ofd_setlkw_set(own->waiter, F_OFD_SETLK, F_UNLCK);
    return sp_error(fcntl_ofd_setlkw_set(own->holder, F_OFD_SETLK, F_WRLCK));
}

static const struct sp_call fcntl_ofd_setlkw_call = {
    .name = "fcntl-ofd-setlkw",
    .purpose = "wait for a record lock of another open file",
    .open = fcntl_ofd_setlkw_open,
    .enter = fcntl_ofd_setlkw_enter,
    .release = fcntl_ofd_setlkw_release,
    .reset = fcntl_ofd_setlkw_reset,
};
SP_CALL(fcntl_ofd_setlkw_call);

#else
SP_ABSENT(SP_KIND_CALL, fcntl_ofd_setlkw_call, "fcntl-ofd-setlkw",
          "wait for a record lock of another open file", "no F_OFD_SETLKW in <fcntl.h>");
#endif
