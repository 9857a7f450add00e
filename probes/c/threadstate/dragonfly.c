/* SPDX-License-Identifier: BSD-2-Clause */
/* DragonFly: sysctl KERN_PROC_PID with KERN_PROC_FLAG_LWP gives one struct kinfo_proc a thread
 * (sys/kern/kern_proc.c sysctl_out_proc, kern_kinfo.c fill_kinfo_lwp).
 *
 * The sender does not make a sleeper on another processor runnable itself: lwp_signotify sends that
 * processor a message (sys/kern/kern_sig.c, lwkt_send_ipiq). A target that looks asleep after the
 * send proves nothing, so sender_wakes is false. Neither compiled nor run: no compiler here has
 * DragonFly's headers; checked by hand against sys/sys/kinfo.h, proc.h, lwp.h and sysctl.h. */
#include "../engine.h"

#ifdef __DragonFly__

#include <sys/kinfo.h>
#include <sys/lwp.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "../text.h"

enum { DRAGONFLY_MOST = 64 };

static const struct kinfo_proc *dragonfly_row(long thread, struct kinfo_proc rows[DRAGONFLY_MOST]) {
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID | KERN_PROC_FLAG_LWP, getpid()};
    size_t size = DRAGONFLY_MOST * sizeof rows[0];
    while (sysctl(name, 4, rows, &size, NULL, 0) != 0) {
        if (errno != EINTR)
            return NULL;
        size = DRAGONFLY_MOST * sizeof rows[0];
    }
    for (size_t at = 0; at < size / sizeof rows[0]; at++)
        if (rows[at].kp_lwp.kl_tid == thread)
            return &rows[at];
    return NULL;
}

static int dragonfly_sit(struct sp_seat *seat) {
    seat->thread = lwp_gettid();
    return 0;
}

static void dragonfly_leave(struct sp_seat *seat) {
    (void)seat;
}

/* A sleep without LWP_SINTR is one that no signal ends (sys/kern/kern_synch.c tsleep). */
static enum sp_state dragonfly_look(const struct sp_seat *seat, struct sp_where *where) {
    struct kinfo_proc rows[DRAGONFLY_MOST];
    const struct kinfo_proc *row = dragonfly_row(seat->thread, rows);
    if (!row)
        return SP_STATE_UNKNOWN;
    if (row->kp_lwp.kl_stat == LSSTOP)
        return SP_STATE_STOPPED;
    if (row->kp_lwp.kl_stat != LSSLEEP || !(row->kp_lwp.kl_flags & LWP_SINTR))
        return SP_STATE_RUNNING;
    if (where)
        sp_text(where->label, sizeof where->label, "%s", row->kp_lwp.kl_wmesg);
    return SP_STATE_ASLEEP;
}

static int dragonfly_pending(const struct sp_seat *seat, int signal) {
    struct kinfo_proc rows[DRAGONFLY_MOST];
    const struct kinfo_proc *row = dragonfly_row(seat->thread, rows);
    if (!row)
        return -1;
    bool pending = sigismember(&row->kp_siglist, signal) == 1 ||
                   sigismember(&row->kp_lwp.kl_siglist, signal) == 1;
    return pending && sigismember(&row->kp_lwp.kl_sigmask, signal) != 1;
}

/* kp_ppid is the real parent's, not the tracer's (fill_kinfo_proc, p_oppid). */
bool sp_tracer(char *out, size_t size) {
    struct kinfo_proc self;
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid()};
    size_t length = sizeof self;
    bool traced = sysctl(name, 4, &self, &length, NULL, 0) == 0 && (self.kp_flags & P_TRACED);
    sp_text(out, size, "%s", traced ? "unknown" : "");
    return traced;
}

static const struct sp_reader dragonfly_reader = {
    "dragonfly-kinfo", SP_LEVEL_LABEL,    false,          dragonfly_sit,
    dragonfly_look,    dragonfly_pending, dragonfly_leave};

__attribute__((constructor)) static void dragonfly_register(void) {
    sp_add_reader(&dragonfly_reader);
}

#else
typedef int dragonfly_unused; /* C11 6.9: a translation unit is not empty */
#endif
