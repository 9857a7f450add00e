/* SPDX-License-Identifier: BSD-2-Clause */
/* The parent of a sandbox, which looks after it: what the child measures lies in shared memory, so
 * nothing is lost when it dies. */
#include "sandbox.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SANDBOX_PATIENCE_MS = 10000, /* without progress, before a trial counts as hung */
    SANDBOX_POLLS = 100000,      /* and so often the child must have looked in vain meanwhile */
    SANDBOX_HUNG_MOST = 3        /* hung trials in a row after which a case is given up */
};

struct sp_run {
    struct sp_request request;
    const struct sp_experiment *experiment;
    struct sp_sandbox sandbox;
    pid_t child;           /* 0: none */
    int pipe;              /* readable when the child has ended */
    uint64_t started;      /* ns */
    uint64_t beats, polls; /* when progress was last seen */
    uint64_t progress_ns;
    uint64_t hung_at; /* trials counted when it last hung */
    int hung_in_row;
    bool done;
};

static void sandbox_note_progress(struct sp_run *run) {
    run->beats = atomic_load(&run->sandbox.shared->beats);
    run->polls = atomic_load(&run->sandbox.shared->polls);
    run->progress_ns = sp_now();
}

static int sandbox_pipe(int ends[2]) {
    if (pipe(ends) != 0)
        return -1;
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

/* Forks with every signal blocked, so that no handler of the caller runs in the child. */
static int sandbox_spawn(struct sp_run *run) {
    int ends[2];
    if (sandbox_pipe(ends) != 0)
        return -1;
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    run->sandbox.parent = getpid();
    atomic_store(&run->sandbox.shared->begun, 0);
    pid_t child = fork();
    if (child == 0)
        sandbox_child(&run->sandbox, run->experiment, ends[1]);
    int error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        errno = error;
        return -1;
    }
    (void)setpgid(child, child);
    run->child = child;
    run->pipe = ends[0];
    sandbox_note_progress(run);
    return 0;
}

static void sandbox_fail(struct sp_run *run, const char *what, const char *doing) {
    struct sp_result *result = run->sandbox.result;
    result->status = SP_ERROR;
    sp_text(result->reason, SP_TEXT_SIZE, "%s%s%s", what, doing ? " while " : "",
            doing ? doing : "");
    run->done = true;
}

/* What the child was given to do is lost with it; the rest of the trials get a new one. */
static void sandbox_after(struct sp_run *run) {
    struct sp_shared *shared = run->sandbox.shared;
    sandbox_empty_folder(run->sandbox.dir); /* the new one makes the same files */
    if (shared->result.trials >= run->request.trials || atomic_load(&shared->stop))
        run->done = true;
    else if (sandbox_spawn(run) != 0)
        sandbox_fail(run, "cannot fork the sandbox again", NULL);
}

static void sandbox_died(struct sp_run *run, int signal) {
    struct sp_shared *shared = run->sandbox.shared;
    struct sp_result *result = run->sandbox.result;
    if (!atomic_load(&shared->sent) || signal != atomic_load(&shared->signal)) {
        char what[64];
        sp_text(what, sizeof what, "the sandbox died of signal %d", signal);
        sandbox_fail(run, what, atomic_load(&shared->doing));
        return;
    }
    result->trials++;
    result->outcomes[SP_KILLED]++;
    result->reached += (uint64_t)atomic_load(&shared->reached);
    run->hung_in_row = 0;
    sandbox_after(run);
}

static void sandbox_reap(struct sp_run *run, int status) {
    /* Helpers of a call that outlive the leader. */
    (void)kill(-run->child, SIGKILL);
    (void)close(run->pipe);
    run->child = 0;
    if (WIFSIGNALED(status))
        sandbox_died(run, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        sandbox_fail(run, "the sandbox ended early", atomic_load(&run->sandbox.shared->doing));
    else
        run->done = true;
}

static void sandbox_end_child(struct sp_run *run) {
    (void)kill(-run->child, SIGKILL);
    (void)kill(run->child, SIGKILL);
    while (waitpid(run->child, NULL, 0) < 0 && errno == EINTR)
        continue;
    (void)close(run->pipe);
    run->child = 0;
}

static void sandbox_hung(struct sp_run *run) {
    struct sp_shared *shared = run->sandbox.shared;
    struct sp_result *result = run->sandbox.result;
    const char *doing = atomic_load(&shared->doing);
    sandbox_end_child(run);
    if (!atomic_load(&shared->begun)) {
        sandbox_fail(run, "the sandbox hung before its first trial", doing);
        return;
    }
    run->hung_in_row = result->trials == run->hung_at ? run->hung_in_row + 1 : 1;
    result->trials++;
    result->outcomes[SP_HUNG]++;
    result->reached += (uint64_t)atomic_load(&shared->reached);
    run->hung_at = result->trials;
    sp_text(result->note, SP_TEXT_SIZE, "hung while %s", doing ? doing : "starting");
    if (run->hung_in_row < SANDBOX_HUNG_MOST) {
        sandbox_after(run);
        return;
    }
    sp_text(result->note, SP_TEXT_SIZE,
            "given up after %d hung trials in a row, at trial %d, while %s", run->hung_in_row,
            (int)result->trials, doing ? doing : "starting");
    run->done = true;
}

/* No progress although the child looked often enough: a starved child is not a hung one, nor is one
 * whose target gets no turn while its leader gets a few. */
static bool sandbox_stuck(const struct sp_run *run) {
    uint64_t patience = run->request.patience_ms ? run->request.patience_ms : SANDBOX_PATIENCE_MS;
    uint64_t polls = atomic_load(&run->sandbox.shared->polls) - run->polls;
    uint64_t waited = sp_now() - run->progress_ns;
    bool patient = waited > patience * 1000000u;
    /* A leader that blocks in a system call polls no more; ten times the patience is for that. */
    return patient && (polls > SANDBOX_POLLS || waited > patience * 10000000u);
}

static void sandbox_look_after(struct sp_run *run) {
    struct sp_shared *shared = run->sandbox.shared;
    int status = 0;
    pid_t got = waitpid(run->child, &status, WNOHANG | WUNTRACED);
    if (got == run->child && WIFSTOPPED(status)) {
        atomic_store(&shared->stopped, atomic_load(&shared->sent));
        (void)kill(run->child, SIGCONT);
        return;
    }
    if (got == run->child) {
        sandbox_reap(run, status);
        return;
    }
    if (got < 0 && errno != EINTR) {
        (void)close(run->pipe);
        run->child = 0;
        sandbox_fail(run, "somebody else has reaped the sandbox", NULL);
        return;
    }
    if (atomic_load(&shared->beats) != run->beats)
        sandbox_note_progress(run);
    else if (sandbox_stuck(run))
        sandbox_hung(run);
}

int sp_poll(struct sp_run *run, int milliseconds) {
    uint64_t until = sp_now() + (uint64_t)milliseconds * 1000000u;
    while (!run->done) {
        /* A stop does not show at the pipe. */
        int step = atomic_load(&run->sandbox.shared->sent) ? 1 : 10;
        struct pollfd ended = {.fd = run->pipe, .events = POLLIN};
        (void)poll(&ended, 1, step < milliseconds ? step : milliseconds);
        sandbox_look_after(run);
        if (sp_now() >= until)
            break;
    }
    return run->done ? 0 : 1;
}

/* The child's end is seen by waitpid, which a caller that ignores SIGCHLD has no use of. */
static bool sandbox_can_wait(void) {
    struct sigaction now;
    return sigaction(SIGCHLD, NULL, &now) != 0 ||
           (now.sa_handler != SIG_IGN && !(now.sa_flags & SA_NOCLDWAIT));
}

static void sandbox_open(struct sp_run *run) {
    struct sp_result *result = run->sandbox.result;
    memcpy(result->id, run->request.id, SP_ID_SIZE);
    sp_definition(run->request.id, result->definition);
    result->status = sp_check(run->request.id, result->reason, SP_TEXT_SIZE);
    run->experiment = sp_experiment_of(run->request.id);
    if (result->status != SP_MEASURED) {
        run->done = true;
        return;
    }
    if (!sandbox_can_wait()) {
        sandbox_fail(run, "the calling process ignores SIGCHLD, so a sandbox cannot be waited for",
                     NULL);
        return;
    }
    sandbox_make_folder(run->sandbox.dir, sizeof run->sandbox.dir);
    if (sandbox_spawn(run) != 0)
        sandbox_fail(run, "cannot fork the sandbox", NULL);
}

struct sp_run *sp_start(const struct sp_request *request) {
    struct sp_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    void *memory = mmap(NULL, sizeof(struct sp_shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        free(run);
        return NULL;
    }
    run->request = *request;
    run->request.id[SP_ID_SIZE - 1] = '\0';
    run->started = sp_now();
    run->hung_at = UINT64_MAX;
    run->sandbox.shared = memory;
    run->sandbox.result = &run->sandbox.shared->result;
    run->sandbox.request = &run->request;
    sandbox_open(run);
    return run;
}

uint64_t sp_progress(const struct sp_run *run) {
    return *(volatile uint64_t *)&run->sandbox.result->trials;
}

void sp_stop(struct sp_run *run) {
    atomic_store(&run->sandbox.shared->stop, 1);
}

void sp_finish(struct sp_run *run, struct sp_result *out) {
    if (run->child)
        sandbox_end_child(run);
    sandbox_remove_folder(run->sandbox.dir);
    run->sandbox.result->nanoseconds = sp_now() - run->started;
    if (out)
        *out = *run->sandbox.result;
    (void)munmap(run->sandbox.shared, sizeof(struct sp_shared));
    free(run);
}
