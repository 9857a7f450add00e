/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux: /proc/self/task/TID/stat gives the run state, .../syscall the call in which a thread that
 * does not run sleeps (fs/proc/array.c do_task_stat, fs/proc/base.c proc_pid_syscall).
 *
 * After a send, `syscall` may still show the call while the wake-up is under way on another
 * processor; the state in `stat` does not, because try_to_wake_up changes it before pthread_kill
 * returns (kernel/signal.c signal_wake_up_state). So `stat` is read last and decides. */
#include "../engine.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../text.h"

/* The whole text of a small /proc file, NUL-terminated; its length, or -1. */
static ssize_t linux_read(int fd, char *out, size_t size) {
    ssize_t length = pread(fd, out, size - 1, 0);
    out[length > 0 ? length : 0] = '\0';
    return length;
}

static int linux_open(long thread, const char *file) {
    char path[64];
    sp_text(path, sizeof path, "/proc/self/task/%d/%s", (int)thread, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void linux_leave(struct sp_seat *seat) {
    for (int i = 0; i < 2; i++)
        if (seat->fd[i] >= 0)
            (void)close(seat->fd[i]);
}

static int linux_sit_state(struct sp_seat *seat) {
    seat->thread = syscall(SYS_gettid);
    seat->fd[1] = -1;
    seat->fd[0] = linux_open(seat->thread, "stat");
    return seat->fd[0] < 0 ? errno : 0;
}

static int linux_sit_call(struct sp_seat *seat) {
    int error = linux_sit_state(seat);
    if (error)
        return error;
    seat->fd[1] = linux_open(seat->thread, "syscall");
    char text[16];
    if (seat->fd[1] >= 0 && linux_read(seat->fd[1], text, sizeof text) > 0)
        return 0;
    linux_leave(seat);
    return ENOSYS;
}

/* The letter behind the last parenthesis: a thread's name may hold any character. */
static enum sp_state linux_state(int fd) {
    char text[128];
    if (linux_read(fd, text, sizeof text) <= 0)
        return SP_STATE_UNKNOWN;
    const char *end = strrchr(text, ')');
    switch (end && end[1] ? end[2] : '?') {
    case 'S':
        return SP_STATE_ASLEEP;
    case 'T':
    case 't':
        return SP_STATE_STOPPED;
    case 'R':
    case 'D':
        return SP_STATE_RUNNING;
    default:
        return SP_STATE_UNKNOWN;
    }
}

static enum sp_state linux_look_state(const struct sp_seat *seat, struct sp_where *where) {
    (void)where;
    return linux_state(seat->fd[0]);
}

static enum sp_state linux_look_call(const struct sp_seat *seat, struct sp_where *where) {
    if (where) {
        char text[128];
        if (linux_read(seat->fd[1], text, sizeof text) <= 0)
            return SP_STATE_UNKNOWN;
        if (text[0] == 'r') /* "running" */
            return SP_STATE_RUNNING;
        where->number = strtol(text, NULL, 10);
    }
    return linux_state(seat->fd[0]);
}

static bool linux_bit(const char *status, const char *field, int signal) {
    const char *at = strstr(status, field);
    unsigned long long mask = at ? strtoull(at + strlen(field), NULL, 16) : 0;
    return mask >> (signal - 1) & 1;
}

/* Rare and unhurried: only where a handler that should have run did not. */
static int linux_pending(const struct sp_seat *seat, int signal) {
    char status[4096];
    int fd = linux_open(seat->thread, "status");
    ssize_t length = fd >= 0 ? linux_read(fd, status, sizeof status) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (length <= 0 || !strstr(status, "SigPnd:"))
        return -1;
    bool pending = linux_bit(status, "SigPnd:", signal) || linux_bit(status, "ShdPnd:", signal);
    return pending && !linux_bit(status, "SigBlk:", signal);
}

bool sp_tracer(char *out, size_t size) {
    char status[4096], path[64];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? linux_read(fd, status, sizeof status) : -1;
    if (fd >= 0)
        (void)close(fd);
    const char *field = length > 0 ? strstr(status, "TracerPid:") : NULL;
    int tracer = field ? (int)strtol(field + strlen("TracerPid:"), NULL, 10) : 0;
    sp_text(out, size, "%s", "");
    if (!tracer)
        return false;
    sp_text(out, size, "%s", "unknown");
    sp_text(path, sizeof path, "/proc/%d/comm", tracer);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && linux_read(fd, out, size) > 0)
        out[strcspn(out, "\n")] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return true;
}

static struct sp_reader linux_call = {"linux-proc",    SP_LEVEL_CALL, true,       linux_sit_call,
                                      linux_look_call, linux_pending, linux_leave};

/* Kernels without the syscall file (User Mode Linux has no CONFIG_HAVE_ARCH_TRACEHOOK). */
static struct sp_reader linux_stat = {"linux-stat",     SP_LEVEL_STATE, true,       linux_sit_state,
                                      linux_look_state, linux_pending,  linux_leave};

/* gVisor wakes a thread through a message that Go's scheduler delivers in its own time
 * (pkg/sentry/kernel/task_signals.go), so there a sleeper may look undisturbed and not be. */
__attribute__((constructor)) static void linux_register(void) {
    if (sp_emulated_by("gvisor"))
        linux_call.sender_wakes = linux_stat.sender_wakes = false;
    sp_add_reader(&linux_call);
    sp_add_reader(&linux_stat);
}

#else
typedef int linux_unused; /* C11 6.9: a translation unit is not empty */
#endif
