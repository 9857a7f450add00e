/* SPDX-License-Identifier: BSD-2-Clause */
/* illumos: /proc/self/lwp/N/lwpsinfo gives run state and system call together, .../lwpstatus
 * whether the sleep is one that signals end (usr/src/uts/common/fs/proc/prsubr.c prgetlwpsinfo,
 * prgetlwpstatus; proc(5)).
 *
 * PR_ASLEEP alone will not do: it is lwp_asleep, which the thread itself sets before it sleeps and
 * clears after it has run again (common/os/condvar.c cv_wait_sig). The state is t_state, which the
 * sender changes before it returns (common/os/sig.c sigtoproc, eat_signal, setrun), also for a
 * signal that is then discarded; such a thread runs a moment and sleeps again.
 * Neither compiled nor run: no compiler here has illumos' headers; checked by hand against
 * common/sys/procfs.h. */
#include "../engine.h"

#if defined(__sun) && defined(__SVR4)

#include <fcntl.h>
#include <procfs.h>
#include <string.h>
#include <sys/lwp.h>
#include <unistd.h>

#include "../text.h"

enum { ILLUMOS_INFO, ILLUMOS_STATUS };

static int illumos_open(long thread, const char *file) {
    char path[64];
    sp_text(path, sizeof path, "/proc/self/lwp/%d/%s", (int)thread, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void illumos_leave(struct sp_seat *seat) {
    for (int i = 0; i < 2; i++)
        if (seat->fd[i] >= 0)
            (void)close(seat->fd[i]);
}

static int illumos_sit(struct sp_seat *seat) {
    seat->thread = (long)_lwp_self();
    seat->fd[ILLUMOS_INFO] = illumos_open(seat->thread, "lwpsinfo");
    seat->fd[ILLUMOS_STATUS] = illumos_open(seat->thread, "lwpstatus");
    if (seat->fd[ILLUMOS_INFO] >= 0 && seat->fd[ILLUMOS_STATUS] >= 0)
        return 0;
    int error = errno;
    illumos_leave(seat);
    return error;
}

static bool illumos_read(int fd, void *out, size_t size) {
    ssize_t length;
    do
        length = pread(fd, out, size, 0);
    while (length < 0 && errno == EINTR);
    return length == (ssize_t)size;
}

static enum sp_state illumos_look(const struct sp_seat *seat, struct sp_where *where) {
    lwpstatus_t status;
    lwpsinfo_t info;
    if (!illumos_read(seat->fd[ILLUMOS_STATUS], &status, sizeof status) ||
        !illumos_read(seat->fd[ILLUMOS_INFO], &info, sizeof info))
        return SP_STATE_UNKNOWN;
    if (info.pr_sname == 'T')
        return SP_STATE_STOPPED;
    if (info.pr_sname != 'S' || !(status.pr_flags & PR_ASLEEP))
        return SP_STATE_RUNNING;
    if (where)
        where->number = info.pr_syscall;
    return SP_STATE_ASLEEP;
}

static bool illumos_process(pstatus_t *out) {
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && illumos_read(fd, out, sizeof *out);
    if (fd >= 0)
        (void)close(fd);
    return read;
}

/* Besides the two pending sets there is pr_cursig: taken off them, not yet delivered. */
static int illumos_pending(const struct sp_seat *seat, int signal) {
    pstatus_t process;
    lwpstatus_t status;
    if (!illumos_process(&process) ||
        !illumos_read(seat->fd[ILLUMOS_STATUS], &status, sizeof status))
        return -1;
    bool pending = prismember(&process.pr_sigpend, signal) || status.pr_cursig == signal ||
                   prismember(&status.pr_lwppend, signal);
    return pending && !prismember(&status.pr_lwphold, signal);
}

/* Traced through ptrace (PR_PTRACE) or through /proc, which then holds events to stop at. Who does
 * it is not shown. */
bool sp_tracer(char *out, size_t size) {
    static const pstatus_t none;
    pstatus_t self;
    bool traced = illumos_process(&self) &&
                  ((self.pr_flags & PR_PTRACE) ||
                   memcmp(&self.pr_sigtrace, &none.pr_sigtrace, sizeof none.pr_sigtrace) != 0 ||
                   memcmp(&self.pr_flttrace, &none.pr_flttrace, sizeof none.pr_flttrace) != 0 ||
                   memcmp(&self.pr_sysentry, &none.pr_sysentry, sizeof none.pr_sysentry) != 0 ||
                   memcmp(&self.pr_sysexit, &none.pr_sysexit, sizeof none.pr_sysexit) != 0);
    sp_text(out, size, "%s", traced ? "unknown" : "");
    return traced;
}

static const struct sp_reader illumos_reader = {
    "illumos-proc", SP_LEVEL_CALL, true, illumos_sit, illumos_look, illumos_pending, illumos_leave};

__attribute__((constructor)) static void illumos_register(void) {
    sp_add_reader(&illumos_reader);
}

#else
typedef int illumos_unused; /* C11 6.9: a translation unit is not empty */
#endif
