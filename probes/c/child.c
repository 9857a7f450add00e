/* SPDX-License-Identifier: BSD-2-Clause */
/* The child's side of a sandbox: nothing of the caller's is left in it, then trials follow each
 * other. */
#include "sandbox.h"
#include "text.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

enum { SANDBOX_PIPE = 3 }; /* the child's end of the pipe: closed when it ends */

#if defined(__FreeBSD__) || defined(__DragonFly__) || defined(__NetBSD__) || defined(__OpenBSD__)
void sp_close_from(int lowest) {
    (void)closefrom(lowest);
}
#else
#if defined(__linux__)
static const char *const sandbox_descriptors = "/proc/self/fd";
#elif defined(__APPLE__)
static const char *const sandbox_descriptors = "/dev/fd";
#else
static const char *const sandbox_descriptors = NULL; /* elsewhere the folder may show 0 to 2 only */
#endif

/* The highest number that the kernel lists, or else the highest that there may be: where a system
 * call is dear, closing 65,536 that are not open takes half a second. */
static int sandbox_highest(void) {
    enum { HIGHEST_AT_MOST = 65535 };
    DIR *folder = sandbox_descriptors ? opendir(sandbox_descriptors) : NULL;
    long most = sysconf(_SC_OPEN_MAX), highest = 0;
    if (!folder)
        return most < 0 || most > HIGHEST_AT_MOST ? HIGHEST_AT_MOST : (int)most;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        long fd = strtol(entry->d_name, NULL, 10);
        highest = fd > highest ? fd : highest;
    }
    (void)closedir(folder);
    return (int)highest;
}

void sp_close_from(int lowest) {
#if defined(__linux__) && defined(SYS_close_range)
    if (syscall(SYS_close_range, (unsigned)lowest, ~0u, 0u) == 0)
        return;
#endif
    int highest = sandbox_highest();
    for (int fd = lowest; fd <= highest; fd++)
        (void)close(fd);
}
#endif

/* NSIG leaves out the real-time signals on FreeBSD and DragonFly (their <signal.h>). */
#ifdef _SIG_MAXSIG
enum { SANDBOX_SIGNALS = _SIG_MAXSIG + 1 };
#else
enum { SANDBOX_SIGNALS = NSIG };
#endif

static void sandbox_defaults(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    (void)sigemptyset(&action.sa_mask);
    for (int signal = 1; signal < SANDBOX_SIGNALS; signal++)
        (void)sigaction(signal, &action, NULL);
}

/* A killed trial must not fill the disk. A limit of one byte also keeps Linux from starting a core
 * handler, which 0 does not (fs/coredump.c, do_coredump). Elsewhere one byte is room for an empty
 * file, which stays behind (FreeBSD 12.1 sys/kern/kern_sig.c, coredump; observed). */
#ifdef __linux__
enum { SANDBOX_CORE = 1 };
#else
enum { SANDBOX_CORE = 0 };
#endif

static void sandbox_no_core(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max == 0 ? 0 : SANDBOX_CORE;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
}

static void sandbox_trials(struct sp_sandbox *sandbox, const struct sp_experiment *experiment) {
    struct sp_shared *shared = sandbox->shared;
    while (sandbox->result->trials < sandbox->request->trials && !atomic_load(&shared->stop)) {
        atomic_store(&shared->sent, 0);
        atomic_store(&shared->reached, 0);
        atomic_store(&shared->stopped, 0);
        sp_beat(sandbox);
        experiment->trial(sandbox);
    }
}

_Noreturn void sandbox_child(struct sp_sandbox *sandbox, const struct sp_experiment *experiment,
                             int pipe_end) {
    (void)setpgid(0, 0);
    if (pipe_end != SANDBOX_PIPE)
        (void)dup2(pipe_end, SANDBOX_PIPE);
    sp_close_from(SANDBOX_PIPE + 1);
    sandbox_defaults();
    sandbox_no_core();
    int status = experiment->begin(sandbox);
    if (status == SP_MEASURED) {
        atomic_store(&sandbox->shared->begun, 1);
        sandbox_trials(sandbox, experiment);
        experiment->end(sandbox);
    }
    sandbox->result->status = status;
    _exit(0);
}

/* The parent has been killed, and nobody else is left to clean up. */
static _Noreturn void sandbox_abandon(const struct sp_sandbox *sandbox) {
    sandbox_remove_folder(sandbox->dir);
    _exit(1);
}

void sp_beat(struct sp_sandbox *sandbox) {
    atomic_fetch_add_explicit(&sandbox->shared->beats, 1, memory_order_relaxed);
}

void sp_wait(struct sp_sandbox *sandbox, struct sp_patience *patience, const char *what) {
    enum { BETWEEN_LOOKS_AT_THE_PARENT = 1024 };
    atomic_store_explicit(&sandbox->shared->doing, what, memory_order_relaxed);
    atomic_fetch_add_explicit(&sandbox->shared->polls, 1, memory_order_relaxed);
    sp_relax(patience);
    if (patience->spins % BETWEEN_LOOKS_AT_THE_PARENT == 0 && getppid() != sandbox->parent)
        sandbox_abandon(sandbox);
}

void sp_record(struct sp_sandbox *sandbox, enum sp_outcome outcome) {
    sandbox->result->outcomes[outcome]++;
    sandbox->result->trials++;
    atomic_store(&sandbox->shared->sent, 0);
    sp_beat(sandbox);
}

int sp_fail(struct sp_sandbox *sandbox, int status, const char *format, ...) {
    va_list list;
    va_start(list, format);
    sp_text_list(sandbox->result->reason, SP_TEXT_SIZE, format, list);
    va_end(list);
    return status;
}
