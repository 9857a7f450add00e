/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits for an asynchronous read of a socket: FreeBSD allows that there, and not of pipes (aio(4)).
 */
#include "../engine.h"

#include <sys/socket.h>
#include <unistd.h>

#ifdef __has_include
#if __has_include(<aio.h>) && !defined(__NetBSD__) && !defined(__DragonFly__)
#include <aio.h>
#define AIO_SUSPEND_HERE
#endif
#endif
#if defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ < 34
#undef AIO_SUSPEND_HERE
#endif

#ifdef AIO_SUSPEND_HERE

struct aio_suspend_own {
    struct aiocb read;
    int end[2];
    char byte;
    bool released;
};

static int aio_suspend_start(struct aio_suspend_own *own) {
    own->read.aio_fildes = own->end[0];
    own->read.aio_buf = &own->byte;
    own->read.aio_nbytes = 1;
    own->read.aio_sigevent.sigev_notify = SIGEV_NONE;
    return sp_error(aio_read(&own->read));
}

static int aio_suspend_open(struct sp_object *object) {
    struct aio_suspend_own *own = SP_SPACE(struct aio_suspend_own, object);
    return socketpair(AF_UNIX, SOCK_STREAM, 0, own->end) == 0 ? aio_suspend_start(own) : errno;
}

static long aio_suspend_enter(struct sp_object *object) {
    const struct aiocb *wanted[] = {&SP_SPACE(struct aio_suspend_own, object)->read};
    return aio_suspend(wanted, 1, NULL);
}

static void aio_suspend_release(struct sp_object *object) {
    struct aio_suspend_own *own = SP_SPACE(struct aio_suspend_own, object);
    own->released = write(own->end[1], "", 1) == 1;
}

/* Its byte is on the way, so the read does end. */
static int aio_suspend_reset(struct sp_object *object, long result) {
    struct aio_suspend_own *own = SP_SPACE(struct aio_suspend_own, object);
    struct sp_patience patience = {0};
    (void)result;
    if (!own->released)
        return 0;
    own->released = false;
    while (aio_error(&own->read) == EINPROGRESS)
        sp_relax(&patience);
    (void)aio_return(&own->read);
    return aio_suspend_start(own);
}

static const struct sp_call aio_suspend_call = {
    .name = "aio_suspend",
    .purpose = "wait for an asynchronous read of an empty socket",
    .open = aio_suspend_open,
    .enter = aio_suspend_enter,
    .release = aio_suspend_release,
    .reset = aio_suspend_reset,
};
SP_CALL(aio_suspend_call);

#else
SP_ABSENT(SP_KIND_CALL, aio_suspend_call, "aio_suspend",
          "wait for an asynchronous read of an empty socket",
          "no <aio.h>, or its functions are in librt, which the one-file build does not link");
#endif
