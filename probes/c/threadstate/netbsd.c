/* SPDX-License-Identifier: BSD-2-Clause */
/* NetBSD: sysctl KERN_LWP gives one struct kinfo_lwp a thread (sys/kern/init_sysctl.c, later
 * kern_proc.c: fill_lwp, with the LWP locked).
 *
 * sigpost makes a sleeper with LW_SINTR runnable before the sender returns (sys/kern/kern_sig.c).
 */
#include "../engine.h"

#ifdef __NetBSD__

#include <lwp.h>
#include <string.h>
#include <sys/lwp.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "../text.h"

enum { NETBSD_MOST = 64 };

/* Both lists of NetBSD say how long a row is, so that older and newer kernels answer alike; the
 * answer's length in bytes, 0 when there is none. */
static size_t netbsd_ask(const int *name, unsigned parts, void *rows, size_t room) {
    for (;;) {
        size_t size = room;
        if (sysctl(name, parts, rows, &size, NULL, 0) == 0)
            return size;
        if (errno != EINTR)
            return 0;
    }
}

static bool netbsd_process(pid_t pid, struct kinfo_proc2 *out) {
    const int name[] = {CTL_KERN, KERN_PROC2, KERN_PROC_PID, pid, (int)sizeof *out, 1};
    memset(out, 0, sizeof *out);
    return netbsd_ask(name, 6, out, sizeof *out) != 0;
}

static int netbsd_sit(struct sp_seat *seat) {
    seat->thread = _lwp_self();
    return 0;
}

static void netbsd_leave(struct sp_seat *seat) {
    (void)seat;
}

/* A sleep without L_SINTR is one that no signal ends. */
static enum sp_state netbsd_state(const struct kinfo_lwp *row, struct sp_where *where) {
    if (row->l_stat == LSSTOP)
        return SP_STATE_STOPPED;
    if (row->l_stat != LSSLEEP || !(row->l_flag & L_SINTR))
        return SP_STATE_RUNNING;
    if (where) {
        char label[sizeof row->l_wmesg + 1] = ""; /* l_wmesg is cut without a NUL (fill_lwp) */
        memcpy(label, row->l_wmesg, sizeof row->l_wmesg);
        sp_text(where->label, sizeof where->label, "%s", label);
    }
    return SP_STATE_ASLEEP;
}

static enum sp_state netbsd_look(const struct sp_seat *seat, struct sp_where *where) {
    struct kinfo_lwp rows[NETBSD_MOST];
    const int name[] = {CTL_KERN, KERN_LWP, getpid(), (int)sizeof rows[0], NETBSD_MOST};
    size_t count = netbsd_ask(name, 5, rows, sizeof rows) / sizeof rows[0];
    for (size_t at = 0; at < count; at++)
        if (rows[at].l_lid == seat->thread)
            return netbsd_state(&rows[at], where);
    return SP_STATE_UNKNOWN;
}

/* p_siglist is what is pending for any LWP; up to NetBSD 9 what is pending for the process is
 * missing from it by mistake (kern_proc.c fill_kproc2), but sigpending has that. Whose it is, and
 * whether that LWP blocks it, is not shown. */
static int netbsd_pending(const struct sp_seat *seat, int signal) {
    struct kinfo_proc2 process;
    sigset_t own;
    (void)seat;
    if (sigpending(&own) != 0 || !netbsd_process(getpid(), &process))
        return -1;
    unsigned bit = (unsigned)signal - 1;
    bool pending = process.p_siglist.__bits[bit / 32] >> bit % 32 & 1;
    return pending || sigismember(&own, signal) == 1 ? -1 : 0;
}

/* While a process is traced, its tracer is its parent (sys/kern/sys_ptrace_common.c). */
bool sp_tracer(char *out, size_t size) {
    struct kinfo_proc2 self, tracer;
    sp_text(out, size, "%s", "");
    if (!netbsd_process(getpid(), &self) || !(self.p_flag & P_TRACED))
        return false;
    bool known = netbsd_process(self.p_ppid, &tracer);
    sp_text(out, size, "%s", known ? tracer.p_comm : "unknown");
    return true;
}

static const struct sp_reader netbsd_reader = {
    "netbsd-klwp", SP_LEVEL_LABEL, true, netbsd_sit, netbsd_look, netbsd_pending, netbsd_leave};

__attribute__((constructor)) static void netbsd_register(void) {
    sp_add_reader(&netbsd_reader);
}

#else
typedef int netbsd_unused; /* C11 6.9: a translation unit is not empty */
#endif
