/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "handler": an empty SIGCONT handler without SA_RESTART, run in the worker, sent once.
 *
 * The handler is illumos' idea (usr/src/cmd/bhyve/common/block_if.c): it interrupts the very thread
 * that it is meant for. illumos sends again while the request is busy; here that is the kick
 * handler-retry, so that this one shows what a single signal is worth. Relies on SIGCONT reaching
 * the thread it was sent to: NetBSD gives it to the process, OpenBSD before 7.7 to every thread.
 * Cannot end a request whose worker has not entered its call yet: the handler runs before. */
#include "../kick_signal.h"

static const struct blockif_kick kick_handler = {
    .name = "handler",
    .purpose = "one SIGCONT, caught in the worker by a handler without SA_RESTART",
    .signal = SIGCONT,
    .open = kick_signal_open,
    .enlist = kick_signal_enlist,
    .cancel = kick_signal_once,
    .retire = kick_signal_retire,
    .close = kick_signal_close,
};
BLOCKIF_KICK(kick_handler);
