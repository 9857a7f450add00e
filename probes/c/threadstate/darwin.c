/* SPDX-License-Identifier: BSD-2-Clause */
/* macOS: thread_info(THREAD_BASIC_INFO) gives the bare run state; XNU shows neither wait channel
 * nor system call (osfmk/kern/thread.c retrieve_thread_basic_info, xnu-11417; filled under the
 * thread's lock).
 *
 * "Waiting" means TH_WAIT without TH_RUN and without TH_UNINT: an interruptible wait, which no
 * kernel lock and no page fault uses. thread_abort_safely moves a thread out of it before
 * __pthread_kill returns (osfmk/kern/thread_act.c). Not run here: compiled only. */
#include "../engine.h"

#ifdef __APPLE__

#include <mach/mach.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "../text.h"

/* The port's name is the thread's own; pthread_mach_thread_np takes no reference to it. */
static int darwin_sit(struct sp_seat *seat) {
    seat->thread = (long)pthread_mach_thread_np(pthread_self());
    return 0;
}

static void darwin_leave(struct sp_seat *seat) {
    (void)seat;
}

static enum sp_state darwin_look(const struct sp_seat *seat, struct sp_where *where) {
    thread_basic_info_data_t info = {0};
    mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
    (void)where;
    if (thread_info((thread_act_t)seat->thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count) !=
        KERN_SUCCESS)
        return SP_STATE_UNKNOWN;
    switch (info.run_state) {
    case TH_STATE_WAITING:
        return SP_STATE_ASLEEP;
    case TH_STATE_STOPPED:
        return SP_STATE_STOPPED;
    case TH_STATE_RUNNING:
    case TH_STATE_UNINTERRUPTIBLE:
        return SP_STATE_RUNNING;
    default:
        return SP_STATE_UNKNOWN;
    }
}

/* XNU keeps pending signals by thread and shows a thread only its own (bsd/kern/kern_sig.c
 * sigpending). */
static int darwin_pending(const struct sp_seat *seat, int signal) {
    (void)seat;
    (void)signal;
    return -1;
}

static bool darwin_process(pid_t pid, struct kinfo_proc *out) {
    int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
    size_t size = sizeof *out;
    return sysctl(name, 4, out, &size, NULL, 0) == 0 && size == sizeof *out;
}

/* While a process is traced, its tracer is its parent (bsd/kern/mach_process.c ptrace). */
bool sp_tracer(char *out, size_t size) {
    struct kinfo_proc self, tracer;
    sp_text(out, size, "%s", "");
    if (!darwin_process(getpid(), &self) || !(self.kp_proc.p_flag & P_TRACED))
        return false;
    bool known = darwin_process(self.kp_eproc.e_ppid, &tracer);
    sp_text(out, size, "%s", known ? tracer.kp_proc.p_comm : "unknown");
    return true;
}

static const struct sp_reader darwin_reader = {"darwin-thread-info", SP_LEVEL_STATE, true,
                                               darwin_sit,           darwin_look,    darwin_pending,
                                               darwin_leave};

__attribute__((constructor)) static void darwin_register(void) {
    sp_add_reader(&darwin_reader);
}

#else
typedef int darwin_unused; /* C11 6.9: a translation unit is not empty */
#endif
