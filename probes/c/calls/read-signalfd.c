/* SPDX-License-Identifier: BSD-2-Clause */
/* The target reads its own signalfd: a sigwait by descriptor, which sees what is pending for the
 * thread that reads and for the process (fs/signalfd.c, signalfd_dequeue). */
#include "../engine.h"

#ifdef __linux__

#include <sys/signalfd.h>
#include <unistd.h>

static int read_signalfd_open(struct sp_object *object) {
    sigset_t none;
    (void)sigemptyset(&none);
    *SP_SPACE(int, object) = signalfd(-1, &none, 0);
    return sp_error(*SP_SPACE(int, object));
}

/* What is awaited changes from case to case and is known only now; setting it does not block. The
 * descriptor is not taken from the answer: gVisor gives 0 (sys_signal.go, sharedSignalfd). */
static long read_signalfd_enter(struct sp_object *object) {
    int fd = *SP_SPACE(int, object);
    struct signalfd_siginfo seen;
    if (signalfd(fd, &object->awaited, 0) < 0)
        return -1;
    return read(fd, &seen, sizeof seen) < 0 ? -1 : (long)seen.ssi_signo;
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
