/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "gate": the worker blocks SIGUSR1 except inside ppoll, which opens the mask and sleeps
 * as one step, so a signal sent before the call waits at the gate and none is lost.
 *
 * Relies on ppoll (pselect on macOS, which has none) and on a descriptor that is readable when, and
 * only when, the device has answered. Cannot help with a regular file: it is always ready, and the
 * read behind it sleeps with the signal blocked. */
#include "../kick_signal.h"

#include <errno.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>

/* The handler shall count in this worker, but the mask stays shut. */
static int kick_gate_enlist(struct blockif_worker *worker) {
    sigset_t mine;
    int failed = kick_signal_enlist(worker);
    (void)sigemptyset(&mine);
    (void)sigaddset(&mine, worker->disk->kick->signal);
    return failed ? failed : pthread_sigmask(SIG_BLOCK, &mine, NULL);
}

static int kick_gate_readable(int fd, const sigset_t *mask) {
#ifdef __APPLE__
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return pselect(fd + 1, &set, NULL, NULL, NULL, mask);
#else
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    return ppoll(&poll, 1, NULL, mask);
#endif
}

static long kick_gate_enter(struct blockif_worker *worker, const struct blockif_call *call) {
    if (call->kind != BLOCKIF_RECV)
        return blockif_perform(call);
    sigset_t mask;
    (void)sigfillset(&mask);
    (void)sigdelset(&mask, worker->disk->kick->signal);
    long result;
    do {
        if (kick_gate_readable(call->fd, &mask) < 0)
            return -1;
        result = recv(call->fd, call->pieces->iov_base, call->pieces->iov_len, MSG_DONTWAIT);
    } while (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    return result;
}

static const struct blockif_kick kick_gate = {
    .name = "gate",
    .purpose = "one SIGUSR1, blocked except inside an atomic ppoll",
    .signal = SIGUSR1,
    .pollable = true,
    .open = kick_signal_open,
    .enlist = kick_gate_enlist,
    .enter = kick_gate_enter,
    .cancel = kick_signal_once,
    .retire = kick_signal_retire,
    .close = kick_signal_close,
};
BLOCKIF_KICK(kick_gate);
