/* SPDX-License-Identifier: BSD-2-Clause */
/* The target reads its own signalfd: a sigwait by descriptor, which sees what is pending for the
 * thread that reads and for the process (fs/signalfd.c, signalfd_dequeue). */
#include "../engine.h"

#ifdef __linux__

#include <sys/signalfd.h>
#include <unistd.h>

static int read_signalfd_open(struct sp_object *object) {
    *SP_SPACE(int, object) = -1;
    return 0;
}

/* What is awaited changes from case to case and is known only now; setting it does not block. The
 * reader makes the descriptor, because gVisor's shows what is pending for its maker alone, and
 * keeps it, because gVisor's answer for one that exists is 0 (signalfd.go, Read; sharedSignalfd).
 */
static long read_signalfd_enter(struct sp_object *object) {
    int *own = SP_SPACE(int, object);
    struct signalfd_siginfo seen;
    int fd = signalfd(*own, &object->awaited, 0);
    if (fd < 0)
        return -1;
    if (*own < 0)
        *own = fd;
    return read(*own, &seen, sizeof seen) < 0 ? -1 : (long)seen.ssi_signo;
}

static const struct sp_call read_signalfd = {
    .name = "read-signalfd",
    .purpose = "read a signalfd without signals, of the tested signal if it is blocked",
    .open = read_signalfd_open,
    .enter = read_signalfd_enter,
    .awaits = true,
};
SP_CALL(read_signalfd);

#else
SP_ABSENT(SP_KIND_CALL, read_signalfd, "read-signalfd",
          "read a signalfd without signals, of the tested signal if it is blocked",
          "no <sys/signalfd.h>");
#endif
