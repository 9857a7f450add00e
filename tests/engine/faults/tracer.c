/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a command, and all that it forks, under ptrace, and changes nothing; its exit status, or 125
 * where tracing is not allowed. */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_ALLOWED = 125 };

static void be_traced(char **command) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(NOT_ALLOWED);
    (void)raise(SIGSTOP);
    (void)execvp(command[0], command);
    _exit(NOT_ALLOWED);
}

/* What a stop hands on: signals, but neither the tracer's own events nor the stop that every traced
 * thread begins with. */
static int to_deliver(int status) {
    int signal = WSTOPSIG(status);
    return status >> 16 || signal == SIGSTOP || signal == SIGTRAP ? 0 : signal;
}

int main(int count, char **arguments) {
    const intptr_t options = PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                             PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
    int status = 0;
    pid_t child = fork();
    if (child == 0 && count > 1)
        be_traced(arguments + 1);
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        return NOT_ALLOWED;
    (void)ptrace(PTRACE_SETOPTIONS, child, NULL, options);
    for (pid_t seen = child; seen > 0; seen = waitpid(-1, &status, __WALL)) {
        if (WIFSTOPPED(status))
            (void)ptrace(PTRACE_CONT, seen, NULL, (intptr_t)to_deliver(status));
        else if (seen == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_ALLOWED;
    }
    return NOT_ALLOWED;
}
