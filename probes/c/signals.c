/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals by name, what they do by default, and the two that the engine keeps for itself. */
#include "case.h"
#include "engine.h"

#include <stdlib.h>
#include <string.h>

struct signals_name {
    const char *name;
    const char *purpose;
    int number;
    enum sp_default by_default;
};

#define SIGNALS(signal, by_default, purpose) {#signal, purpose, signal, by_default}

static const struct signals_name signals_known[] = {
    SIGNALS(SIGHUP, SP_TERMINATES, "hangup"),
    SIGNALS(SIGINT, SP_TERMINATES, "terminal interrupt"),
    SIGNALS(SIGQUIT, SP_TERMINATES, "terminal quit"),
    SIGNALS(SIGTERM, SP_TERMINATES, "termination request"),
    SIGNALS(SIGKILL, SP_TERMINATES, "kill, cannot be caught"),
    SIGNALS(SIGSTOP, SP_STOPS, "stop, cannot be caught"),
    SIGNALS(SIGTSTP, SP_STOPS, "terminal stop"),
    SIGNALS(SIGTTIN, SP_STOPS, "background read from the terminal"),
    SIGNALS(SIGTTOU, SP_STOPS, "background write to the terminal"),
    SIGNALS(SIGCONT, SP_CONTINUES, "continue if stopped"),
    SIGNALS(SIGUSR1, SP_TERMINATES, "user-defined 1"),
    SIGNALS(SIGUSR2, SP_TERMINATES, "user-defined 2"),
    SIGNALS(SIGALRM, SP_TERMINATES, "alarm clock"),
    SIGNALS(SIGVTALRM, SP_TERMINATES, "virtual timer"),
    SIGNALS(SIGPROF, SP_TERMINATES, "profiling timer"),
    SIGNALS(SIGPIPE, SP_TERMINATES, "write to a pipe without reader"),
    SIGNALS(SIGCHLD, SP_IGNORED, "child ended or stopped"),
    SIGNALS(SIGURG, SP_IGNORED, "urgent data"),
    SIGNALS(SIGWINCH, SP_IGNORED, "window size changed"),
    SIGNALS(SIGXCPU, SP_TERMINATES, "processor time limit"),
    SIGNALS(SIGXFSZ, SP_TERMINATES, "file size limit"),
    SIGNALS(SIGSYS, SP_TERMINATES, "bad system call"),
    SIGNALS(SIGTRAP, SP_TERMINATES, "trace trap"),
#ifdef SIGIO
#ifdef __linux__
    SIGNALS(SIGIO, SP_TERMINATES, "I/O possible"),
#else
    SIGNALS(SIGIO, SP_IGNORED, "I/O possible"),
#endif
#endif
#ifdef SIGINFO
    SIGNALS(SIGINFO, SP_IGNORED, "status request"),
#endif
#ifdef SIGPWR
#ifdef __linux__
    SIGNALS(SIGPWR, SP_TERMINATES, "power failure"),
#else
    SIGNALS(SIGPWR, SP_IGNORED, "power failure"),
#endif
#endif
#ifdef SIGEMT
    SIGNALS(SIGEMT, SP_TERMINATES, "emulator trap"),
#endif
#ifdef SIGTHR
    SIGNALS(SIGTHR, SP_TERMINATES, "thread library"),
#endif
};

/* SIGRTMIN is a function call in libc: the C library keeps the first numbers to itself. */
static const char signals_rtmin[] = "SIGRTMIN";
static struct sp_entry signals_rtmin_entry = {
    .name = signals_rtmin,
    .purpose = "first real-time signal",
#ifndef SIGRTMIN
    .gate = "no real-time signals: <signal.h> has no SIGRTMIN",
#endif
};

static struct sp_entry signals_entries[sizeof signals_known / sizeof signals_known[0]];

__attribute__((constructor)) static void signals_register(void) {
    for (size_t i = 0; i < sizeof signals_known / sizeof signals_known[0]; i++) {
        signals_entries[i].name = signals_known[i].name;
        signals_entries[i].purpose = signals_known[i].purpose;
        signals_entries[i].table = &signals_known[i];
        sp_add(SP_KIND_SIGNAL, &signals_entries[i]);
    }
    sp_add(SP_KIND_SIGNAL, &signals_rtmin_entry);
}

int sp_signal_number(const char *name) {
    const struct signals_name *known = sp_find(SP_KIND_SIGNAL, name, NULL);
    if (known)
        return known->number;
#ifdef SIGRTMIN
    if (strncmp(name, signals_rtmin, sizeof signals_rtmin - 1) == 0) {
        const char *rest = name + sizeof signals_rtmin - 1;
        char *end = NULL;
        long offset =
            *rest == '+' && rest[1] >= '0' && rest[1] <= '9' ? strtol(rest + 1, &end, 10) : 0;
        bool whole = *rest == '\0' || (end && *end == '\0' && offset > 0);
        return whole && offset <= SIGRTMAX - SIGRTMIN ? SIGRTMIN + (int)offset : 0;
    }
#endif
    return 0;
}

enum sp_default sp_signal_default(int signal) {
    for (size_t i = 0; i < sizeof signals_known / sizeof signals_known[0]; i++)
        if (signals_known[i].number == signal)
            return signals_known[i].by_default;
    return SP_TERMINATES;
}

/* Two signals nobody tests by default; where one is the tested signal, the next takes its place. */
static int signals_spare(int tested, int rank) {
    static const int spare[] = {SIGVTALRM, SIGPROF, SIGXCPU};
    for (size_t i = 0; i < sizeof spare / sizeof spare[0]; i++)
        if (spare[i] != tested && rank-- == 0)
            return spare[i];
    return 0;
}

int sp_rescue_signal(int tested) {
    return signals_spare(tested, 0);
}

int sp_nudge_signal(int tested) {
    return signals_spare(tested, 1);
}
