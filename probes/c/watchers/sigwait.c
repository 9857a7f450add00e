/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that sleeps in sigwait: the one way that POSIX itself gives. */
#include "../engine.h"

#include <time.h>

struct sigwait_sets {
    sigset_t both, tested;
};

static int sigwait_watcher_open(struct sp_watch *watch) {
    struct sigwait_sets *own = SP_SPACE(struct sigwait_sets, watch);
    (void)sigemptyset(&own->tested);
    (void)sigaddset(&own->tested, watch->signal);
    own->both = own->tested;
    (void)sigaddset(&own->both, watch->nudge);
    return 0;
}

/* Takes the tested signal if it is pending here, and says whether it was. */
static bool sigwait_take(const sigset_t *tested, int signal) {
#if defined(__APPLE__) || defined(__OpenBSD__)
    /* No sigtimedwait (their <signal.h>): between the look and the wait nobody else may take it. */
    sigset_t pending;
    int got = 0;
    return sigpending(&pending) == 0 && sigismember(&pending, signal) == 1 &&
           sigwait(tested, &got) == 0;
#else
    struct timespec none = {0};
    return sigtimedwait(tested, NULL, &none) == signal;
#endif
}

/* Which of several pending signals comes first is the kernel's choice: after the nudge, the rest.
 */
static void sigwait_wait(struct sp_watch *watch) {
    struct sigwait_sets *own = SP_SPACE(struct sigwait_sets, watch);
    int got = 0;
    if (sigwait(&own->both, &got) != 0)
        return;
    if (got == watch->signal) {
        sp_sighted(watch);
        return;
    }
    while (sigwait_take(&own->tested, watch->signal))
        sp_sighted(watch);
    sp_answered(watch);
}

static void sigwait_nudge(struct sp_watch *watch) {
    (void)pthread_kill(watch->thread, watch->nudge);
}

static const struct sp_watcher sigwait_watcher = {
    .name = "sigwait",
    .purpose = "a third thread waits in sigwait",
    .open = sigwait_watcher_open,
    .wait = sigwait_wait,
    .nudge = sigwait_nudge,
    .takes = true,
};
SP_WATCHER(sigwait_watcher);
