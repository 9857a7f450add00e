/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes a signal's disposition for the kicks, counts its users, and gives it back. */
#include "kick_signal.h"

#include <errno.h>
#include <string.h>

struct kick_signal_use {
    int users;
    void (*handler)(int);
    struct sigaction before;
};

static pthread_mutex_t kick_signal_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kick_signal_use kick_signal_uses[NSIG];
static _Atomic uint64_t kick_signal_stray;

/* Initial-exec: another model may allocate at a thread's first access, and that may be a handler.
 */
#ifdef __ELF__
__attribute__((tls_model("initial-exec")))
#endif
static _Thread_local struct blockif_worker *kick_signal_worker;

static void kick_signal_handler(int signal) {
    (void)signal;
    if (kick_signal_worker)
        (void)atomic_fetch_add(&kick_signal_worker->handled, 1);
    else
        (void)atomic_fetch_add(&kick_signal_stray, 1);
}

static int kick_signal_set(int signal, void (*handler)(int), struct kick_signal_use *use) {
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(signal, NULL, &before))
        return errno;
    if (before.sa_flags & SA_SIGINFO ||
        (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN))
        return EBUSY;
    use->before = before;
    use->handler = handler;
    return sigaction(signal, &action, NULL) ? errno : 0;
}

static int kick_signal_take(int signal, void (*handler)(int)) {
    struct kick_signal_use *use = &kick_signal_uses[signal];
    (void)pthread_mutex_lock(&kick_signal_lock);
    int failed = use->users > 0 && use->handler != handler ? EBUSY : 0;
    if (!failed && use->users == 0)
        failed = kick_signal_set(signal, handler, use);
    use->users += !failed;
    (void)pthread_mutex_unlock(&kick_signal_lock);
    return failed;
}

int kick_signal_ignore(int signal) {
    return kick_signal_take(signal, SIG_IGN);
}

void kick_signal_give_back(int signal) {
    struct kick_signal_use *use = &kick_signal_uses[signal];
    (void)pthread_mutex_lock(&kick_signal_lock);
    if (--use->users == 0)
        (void)sigaction(signal, &use->before, NULL);
    (void)pthread_mutex_unlock(&kick_signal_lock);
}

int kick_signal_open(struct blockif *disk) {
    return kick_signal_take(disk->kick->signal, kick_signal_handler);
}

void kick_signal_close(struct blockif *disk) {
    kick_signal_give_back(disk->kick->signal);
}

void kick_signal_once(struct blockif_cancel *cancel) {
    blockif_send(cancel);
    blockif_await_end(cancel);
}

int kick_signal_enlist(struct blockif_worker *worker) {
    sigset_t mine;
    (void)sigemptyset(&mine);
    (void)sigaddset(&mine, worker->disk->kick->signal);
    kick_signal_worker = worker;
    return pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
}

/* A late signal must find a worker that is still there, so it is shut out first. */
void kick_signal_retire(struct blockif_worker *worker) {
    sigset_t mine;
    (void)sigemptyset(&mine);
    (void)sigaddset(&mine, worker->disk->kick->signal);
    (void)pthread_sigmask(SIG_BLOCK, &mine, NULL);
    kick_signal_worker = NULL;
}

uint64_t kick_signal_strays(void) {
    return atomic_load(&kick_signal_stray);
}
