/* SPDX-License-Identifier: BSD-2-Clause */
/* A case id taken apart: CALL/SIGNAL/DISPOSITION/MASK/SENDER/WATCHER/TIMING. */
#ifndef SIGPROBE_CASE_H
#define SIGPROBE_CASE_H

#include "engine.h"

enum sp_disposition { SP_DEFAULT, SP_IGNORE, SP_HANDLER, SP_HANDLER_RESTART, SP_DISPOSITIONS };
enum sp_mask { SP_OPEN, SP_OPEN_ALL, SP_BLOCKED, SP_MASKS };
enum sp_timing { SP_ASLEEP, SP_BEFORE, SP_SWEEP, SP_TIMINGS };

/* What a signal does with the default disposition. */
enum sp_default { SP_TERMINATES, SP_STOPS, SP_CONTINUES, SP_IGNORED };

struct sp_case {
    const struct sp_call *call;
    const struct sp_sender *sender;
    const struct sp_watcher *watcher; /* NULL: none */
    int signal;
    enum sp_disposition disposition;
    enum sp_mask mask;
    enum sp_timing timing;
};

/* SP_MEASURED when `id` names a case that this build knows; else SP_UNSUPPORTED or SP_ERROR, and
 * why. */
int sp_case_parse(const char *id, struct sp_case *out, char *reason, size_t size);

enum sp_default sp_signal_default(int signal);

/* Reserved signals: the one that ends a call which nothing else ends, and the one that nudges a
 * watcher. Neither is the tested one. */
int sp_rescue_signal(int tested);
int sp_nudge_signal(int tested);

#endif
