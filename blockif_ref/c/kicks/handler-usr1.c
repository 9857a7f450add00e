/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "handler-usr1": as "handler", with a signal that no kernel treats specially.
 *
 * Relies on pthread_kill reaching its thread, which it does for SIGUSR1 on every kernel measured.
 * Takes SIGUSR1 from the process while a disk is open. Cannot end a request whose worker has not
 * entered its call yet. */
#include "../kick_signal.h"

static const struct blockif_kick kick_handler_usr1 = {
    .name = "handler-usr1",
    .purpose = "one SIGUSR1, caught in the worker by a handler without SA_RESTART",
    .signal = SIGUSR1,
    .open = kick_signal_open,
    .enlist = kick_signal_enlist,
    .cancel = kick_signal_once,
    .retire = kick_signal_retire,
    .close = kick_signal_close,
};
BLOCKIF_KICK(kick_handler_usr1);
