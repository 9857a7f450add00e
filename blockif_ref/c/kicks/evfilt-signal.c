/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "evfilt-signal": stock bhyve. SIGCONT is ignored and sent to the worker with
 * pthread_kill; a kqueue in a third thread sees it by EVFILT_SIGNAL and lets the canceller look
 * again.
 *
 * Relies on EVFILT_SIGNAL seeing a thread-directed, ignored signal: FreeBSD, OpenBSD and NetBSD do;
 * XNU does not, nor does DragonFly for SIGCONT, and there cancel never returns (Hyperkit #94).
 * Cannot interrupt anything: an ignored signal wakes nobody. It is polling, a kick a round. */
#include "../kick_signal.h"

#if !defined(__linux__) || defined(SP_LIBKQUEUE)
#include "../mevent.h"

static void kick_evfilt_signal_seen(void *disk) {
    blockif_acknowledge(disk);
}

static int kick_evfilt_signal_open(struct blockif *disk) {
    int failed = kick_signal_ignore(disk->kick->signal);
    if (failed)
        return failed;
    struct mevent *loop = NULL;
    failed = mevent_open(&loop, disk->watch);
    if (!failed)
        failed = mevent_add_signal(loop, disk->kick->signal, kick_evfilt_signal_seen, disk);
    if (failed) {
        if (loop)
            mevent_close(loop);
        kick_signal_give_back(disk->kick->signal);
    }
    disk->own = loop;
    return failed;
}

static void kick_evfilt_signal_cancel(struct blockif_cancel *cancel) {
    while (blockif_busy(cancel)) {
        blockif_send(cancel);
        blockif_await_acknowledgement(cancel);
    }
}

static void kick_evfilt_signal_close(struct blockif *disk) {
    mevent_close(disk->own);
    kick_signal_give_back(disk->kick->signal);
}

static const struct blockif_kick kick_evfilt_signal = {
    .name = "evfilt-signal",
    .purpose = "stock bhyve: SIGCONT ignored, seen by EVFILT_SIGNAL in a third thread",
    .signal = SIGCONT,
    .open = kick_evfilt_signal_open,
    .enlist = kick_signal_enlist,
    .cancel = kick_evfilt_signal_cancel,
    .retire = kick_signal_retire,
    .close = kick_evfilt_signal_close,
};
BLOCKIF_KICK(kick_evfilt_signal);
#else
SP_ABSENT(SP_KIND_KICK, kick_evfilt_signal, "evfilt-signal",
          "stock bhyve: SIGCONT ignored, seen by EVFILT_SIGNAL in a third thread",
          "no kqueue on this system");
#endif
