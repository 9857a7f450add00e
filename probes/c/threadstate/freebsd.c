/* SPDX-License-Identifier: BSD-2-Clause */
/* FreeBSD: sysctl KERN_PROC_PID with KERN_PROC_INC_THREAD gives one struct kinfo_proc a thread
 * (sys/kern/kern_proc.c kern_proc_out, fill_kinfo_thread; read at 12.1 and in a tree of 2024).
 *
 * Each row is filled under the thread's lock, so state, wait message and flags belong together. A
 * signal takes a sleeper out of its sleep queue before pthread_kill returns: tdsendsignal,
 * tdsigwakeup, sleepq_abort, sleepq_resume_thread run in the sender, the last of which clears the
 * wait message and TDF_SINTR (sys/kern/kern_sig.c, subr_sleepqueue.c). */
#include "../engine.h"

#ifdef __FreeBSD__

#include <pthread_np.h>
#include <sys/param.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/user.h>
#include <unistd.h>

#include "../text.h"

enum {
    FREEBSD_FEW = 15, /* rows in four pages; a longer answer takes a lock of the whole system
                         (sys/kern/kern_sysctl.c userland_sysctl, sysctlmemlock) */
    FREEBSD_MOST = 128
};

/* Of the calling process; the answer's length in bytes, or 0. An answer that is cut short (ENOMEM)
 * still holds its first rows (userland_sysctl). */
static size_t freebsd_ask(int what, pid_t pid, struct kinfo_proc *rows, size_t room) {
    int name[] = {CTL_KERN, KERN_PROC, what, pid};
    for (;;) {
        size_t size = room * sizeof *rows;
        if (sysctl(name, 4, rows, &size, NULL, 0) == 0 || errno == ENOMEM)
            return size / sizeof *rows;
        if (errno != EINTR)
            return 0;
    }
}

static const struct kinfo_proc *freebsd_row(long thread, struct kinfo_proc rows[FREEBSD_MOST]) {
    static const size_t rooms[] = {FREEBSD_FEW, FREEBSD_MOST};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        size_t count = freebsd_ask(KERN_PROC_PID | KERN_PROC_INC_THREAD, getpid(), rows, rooms[i]);
        for (size_t at = 0; at < count; at++)
            if (rows[at].ki_tid == thread)
                return &rows[at];
        if (count < rooms[i])
            return NULL;
    }
    return NULL;
}

static int freebsd_sit(struct sp_seat *seat) {
    seat->thread = pthread_getthreadid_np();
    return 0;
}

static void freebsd_leave(struct sp_seat *seat) {
    (void)seat;
}

/* SLOCK (waits for a kernel lock) and SWAIT (among others a sleeper that was woken while swapped
 * out) are on their way; so is a sleep without TDF_SINTR, which no signal ends. */
static enum sp_state freebsd_look(const struct sp_seat *seat, struct sp_where *where) {
    struct kinfo_proc rows[FREEBSD_MOST];
    const struct kinfo_proc *row = freebsd_row(seat->thread, rows);
    if (!row)
        return SP_STATE_UNKNOWN;
    if (row->ki_stat == SSTOP)
        return SP_STATE_STOPPED;
    if (row->ki_stat != SSLEEP || !(row->ki_tdflags & TDF_SINTR))
        return SP_STATE_RUNNING;
    if (where)
        sp_text(where->label, sizeof where->label, "%s", row->ki_wmesg);
    return SP_STATE_ASLEEP;
}

/* The row's ki_siglist is the thread's own set alone; what is pending for the process is in
 * sigpending's answer (kern_sig.c sys_sigpending). It is asked first: signals move only from there
 * to the thread. */
static int freebsd_pending(const struct sp_seat *seat, int signal) {
    struct kinfo_proc rows[FREEBSD_MOST];
    sigset_t process;
    int error = sigpending(&process);
    const struct kinfo_proc *row = error ? NULL : freebsd_row(seat->thread, rows);
    if (!row)
        return -1;
    bool pending = sigismember(&process, signal) == 1 || sigismember(&row->ki_siglist, signal) == 1;
    return pending && sigismember(&row->ki_sigmask, signal) != 1;
}

bool sp_tracer(char *out, size_t size) {
    struct kinfo_proc self, tracer;
    sp_text(out, size, "%s", "");
    if (freebsd_ask(KERN_PROC_PID, getpid(), &self, 1) == 0 || !(self.ki_flag & P_TRACED))
        return false;
    bool known = freebsd_ask(KERN_PROC_PID, self.ki_tracer, &tracer, 1) == 1;
    sp_text(out, size, "%s", known ? tracer.ki_comm : "unknown");
    return true;
}

static const struct sp_reader freebsd_reader = {"freebsd-kinfo", SP_LEVEL_LABEL, true,
                                                freebsd_sit,     freebsd_look,   freebsd_pending,
                                                freebsd_leave};

__attribute__((constructor)) static void freebsd_register(void) {
    sp_add_reader(&freebsd_reader);
}

#else
typedef int freebsd_unused; /* C11 6.9: a translation unit is not empty */
#endif
