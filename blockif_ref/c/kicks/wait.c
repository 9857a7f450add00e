/* SPDX-License-Identifier: BSD-2-Clause */
/* The kick "wait": none. Cancel returns when the I/O has ended by itself.
 *
 * Relies on nothing. Cannot shorten anything: a device that stalls for ever stalls its canceller.
 * It is what stock bhyve comes to on a local disk, less the signals. */
#include "../inside.h"

static const struct blockif_kick kick_wait = {
    .name = "wait",
    .purpose = "never interrupt: wait for the I/O to end by itself",
    .cancel = blockif_await_end,
};
BLOCKIF_KICK(kick_wait);
