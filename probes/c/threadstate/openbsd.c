/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenBSD: sysctl KERN_PROC_PID with KERN_PROC_SHOW_THREADS gives a row for the process and one a
 * thread (sys/kern/kern_sysctl.c sysctl_doproc; sys/sys/sysctl.h FILL_KPROC).
 *
 * ptsignal makes a sleeper with P_SINTR runnable before it returns (sys/kern/kern_sig.c,
 * setrunnable). */
#include "../engine.h"

#ifdef __OpenBSD__

#include <sys/proc.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "../text.h"

enum { OPENBSD_MOST = 64 };

/* Rows of a process, with or without its threads; 0 when there is no answer. sysctl waits for its
 * lock interruptibly (kern_sysctl.c sys_sysctl, RW_INTR). */
static size_t openbsd_ask(int what, pid_t pid, struct kinfo_proc *rows, size_t room) {
    int name[] = {CTL_KERN, KERN_PROC, what, pid, (int)sizeof *rows, (int)room};
    for (;;) {
        size_t size = room * sizeof *rows;
        if (sysctl(name, 6, rows, &size, NULL, 0) == 0)
            return size / sizeof *rows;
        if (errno != EINTR)
            return 0;
    }
}

/* p_tid carries the same offset as getthrid's answer; the row of the process has -1 there. */
static const struct kinfo_proc *openbsd_row(long thread, struct kinfo_proc rows[OPENBSD_MOST]) {
    size_t count =
        openbsd_ask(KERN_PROC_PID | KERN_PROC_SHOW_THREADS, getpid(), rows, OPENBSD_MOST);
    for (size_t at = 0; at < count; at++)
        if (rows[at].p_tid == thread)
            return &rows[at];
    return NULL;
}

static int openbsd_sit(struct sp_seat *seat) {
    seat->thread = getthrid();
    return 0;
}

static void openbsd_leave(struct sp_seat *seat) {
    (void)seat;
}

/* A sleep without P_SINTR is one that no signal ends. */
static enum sp_state openbsd_look(const struct sp_seat *seat, struct sp_where *where) {
    struct kinfo_proc rows[OPENBSD_MOST];
    const struct kinfo_proc *row = openbsd_row(seat->thread, rows);
    if (!row)
        return SP_STATE_UNKNOWN;
    if (row->p_stat == SSTOP)
        return SP_STATE_STOPPED;
    if (row->p_stat != SSLEEP || !(row->p_flag & P_SINTR))
        return SP_STATE_RUNNING;
    if (where)
        sp_text(where->label, sizeof where->label, "%s", row->p_wmesg);
    return SP_STATE_ASLEEP;
}

/* p_siglist is the thread's set and the process's together (FILL_KPROC). */
static int openbsd_pending(const struct sp_seat *seat, int signal) {
    struct kinfo_proc rows[OPENBSD_MOST];
    const struct kinfo_proc *row = openbsd_row(seat->thread, rows);
    if (!row)
        return -1;
    unsigned open = (unsigned)row->p_siglist & ~(unsigned)row->p_sigmask;
    return (int)(open >> (signal - 1) & 1);
}

/* While a process is traced, its tracer is its parent (sys/kern/sys_process.c process_reparent). */
bool sp_tracer(char *out, size_t size) {
    struct kinfo_proc self, tracer;
    sp_text(out, size, "%s", "");
    if (openbsd_ask(KERN_PROC_PID, getpid(), &self, 1) == 0 || !(self.p_psflags & PS_TRACED))
        return false;
    bool known = openbsd_ask(KERN_PROC_PID, self.p_ppid, &tracer, 1) == 1;
    sp_text(out, size, "%s", known ? tracer.p_comm : "unknown");
    return true;
}

static const struct sp_reader openbsd_reader = {"openbsd-kinfo", SP_LEVEL_LABEL, true,
                                                openbsd_sit,     openbsd_look,   openbsd_pending,
                                                openbsd_leave};

__attribute__((constructor)) static void openbsd_register(void) {
    sp_add_reader(&openbsd_reader);
}

#else
typedef int openbsd_unused; /* C11 6.9: a translation unit is not empty */
#endif
