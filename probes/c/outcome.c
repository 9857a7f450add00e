/* SPDX-License-Identifier: BSD-2-Clause */
/* The outcome rules. Whatever fits two outcomes is ambiguous and is never folded into either. */
#include "outcome.h"

static enum sp_outcome outcome_of_return(const struct sp_evidence *e) {
    if (e->end == SP_END_EINTR)
        return SP_INTERRUPTED;
    return e->end == SP_END_SUCCESS ? SP_RETURNED : SP_AMBIGUOUS;
}

/* A handler ran and the call sleeps. It was restarted only if it had been entered before the
 * handler ran, which is known where the target was asleep when the signal was sent. Otherwise it is
 * known only up to the instructions between the last look at the counter and the kernel's entry,
 * and there a call that may restart leaves both readings open. */
static enum sp_outcome outcome_of_handler(const struct sp_evidence *e) {
    if (e->runs_at_entry)
        return e->runs_inside ? SP_AMBIGUOUS : SP_LOST;
    return e->asleep_when_sent ? SP_RESTARTED : SP_AMBIGUOUS;
}

enum sp_outcome sp_judge(const struct sp_evidence *e) {
    if (e->stopped)
        return SP_STOPPED;
    if (e->ended_early || e->unsent)
        return SP_AMBIGUOUS; /* whatever became of it, it was not this signal's doing */
    if (e->before_release)
        return outcome_of_return(e);
    if (e->end == SP_END_EINTR)
        return SP_INTERRUPTED; /* late: it looked undisturbed when the release was sent */
    if (e->end != SP_END_RELEASED || e->runs_after_rest || e->waited_too_short)
        return SP_AMBIGUOUS;
    if (e->runs_at_entry || e->runs_inside)
        return outcome_of_handler(e);
    return e->runs_elsewhere || e->taken_elsewhere ? SP_ELSEWHERE : SP_UNDISTURBED;
}
