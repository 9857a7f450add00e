/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux's own asynchronous I/O, as libaio has it; with nothing submitted, the rescue ends the wait.
 */
#include "../engine.h"

#ifdef __linux__
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#ifdef SYS_io_getevents

static int io_getevents_open(struct sp_object *object) {
    aio_context_t *context = SP_SPACE(aio_context_t, object);
    *context = 0;
    return sp_error(syscall(SYS_io_setup, 1, context));
}

static long io_getevents_enter(struct sp_object *object) {
    struct io_event seen;
    return syscall(SYS_io_getevents, *SP_SPACE(aio_context_t, object), 1L, 1L, &seen, NULL);
}

static const struct sp_call io_getevents_call = {
    .name = "io_getevents",
    .purpose = "wait for an event of Linux's asynchronous I/O",
    .open = io_getevents_open,
    .enter = io_getevents_enter,
};
SP_CALL(io_getevents_call);

#else
SP_ABSENT(SP_KIND_CALL, io_getevents_call, "io_getevents",
          "wait for an event of Linux's asynchronous I/O", "no io_getevents in <sys/syscall.h>");
#endif
