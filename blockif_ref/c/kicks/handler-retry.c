/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "handler-retry": handler-usr1, repeated until the request is no longer busy.
 *
 * A signal whose handler ran before the call was entered is lost, so another follows: soon at
 * first, then at doubling pauses, because an I/O that no signal can end would be kicked for its
 * whole life. Relies on pthread_kill and SIGUSR1 only, so it goes everywhere. Cannot end an
 * uninterruptible sleep; there it waits, and spends a kick a pause. */
#include "../kick_signal.h"

enum { KICK_HANDLER_RETRY_FIRST_NS = 50000, KICK_HANDLER_RETRY_MOST_NS = 2000000 };

static void kick_handler_retry_cancel(struct blockif_cancel *cancel) {
    uint64_t pause = KICK_HANDLER_RETRY_FIRST_NS;
    while (blockif_busy(cancel)) {
        blockif_send(cancel);
        blockif_await_end_for(cancel, pause);
        pause = pause * 2 < KICK_HANDLER_RETRY_MOST_NS ? pause * 2 : KICK_HANDLER_RETRY_MOST_NS;
    }
}

static const struct blockif_kick kick_handler_retry = {
    .name = "handler-retry",
    .purpose = "SIGUSR1 caught in the worker, repeated until the request is no longer busy",
    .signal = SIGUSR1,
    .clocked = true,
    .open = kick_signal_open,
    .enlist = kick_signal_enlist,
    .cancel = kick_handler_retry_cancel,
    .retire = kick_signal_retire,
    .close = kick_signal_close,
};
BLOCKIF_KICK(kick_handler_retry);
