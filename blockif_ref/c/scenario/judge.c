/* SPDX-License-Identifier: BSD-2-Clause */
/* What a trial's answers add up to. */
#include "scenario.h"

#include "text.h"

#include <errno.h>
#include <string.h>

/* What became of one request, given that its cancel returned. */
static enum sp_outcome scenario_judge(const struct scenario_entry *entry, bool stuck,
                                      bool handled) {
    int error = atomic_load(&entry->error);
    if (entry->answer == 0 || error == EINTR || error == ECANCELED)
        return SP_CANCELLED;
    if (entry->answer == EINVAL)
        return SP_COMPLETED;
    /* Lost: a kick did arrive in a handler, and yet the I/O went on until the device was released.
     */
    return stuck && handled ? SP_LOST : SP_WAITED;
}

static bool scenario_acted_on(int index) {
    return !scenario.plan->last || index == scenario.plan->requests - 1;
}

/* One outcome for the whole trial: the worst of its requests'. */
enum sp_outcome scenario_sum_up(bool stuck, bool hung, bool handled) {
    static const enum sp_outcome worst[] = {SP_LOST, SP_WAITED, SP_CANCELLED};
    bool seen[SP_OUTCOMES] = {false};
    for (int i = 0; i < scenario.plan->requests; i++)
        if (scenario_acted_on(i))
            seen[scenario_judge(&scenario.entry[i], stuck, handled)] = true;
    if (scenario.broken)
        return SP_AMBIGUOUS;
    if (hung)
        return SP_HUNG;
    for (size_t i = 0; i < sizeof worst / sizeof worst[0]; i++)
        if (seen[worst[i]])
            return worst[i];
    return SP_COMPLETED;
}

/* From the call, or from when the worker was let go on, which until then no kick could end. */
static void scenario_latency(uint64_t from, uint64_t to) {
    uint64_t start = from > scenario.opened_ns ? from : scenario.opened_ns;
    uint64_t ns = to > start ? to - start : 0;
    sp_latency(scenario.sandbox->result, ns);
    if (scenario.settle_ns < 20 * ns)
        scenario.settle_ns = 20 * ns;
}

void scenario_count_latency(void) {
    if (scenario.plan->port) {
        scenario_latency(scenario.actor[0].from, scenario.actor[0].to);
        return;
    }
    for (int i = 0; i < scenario.plan->requests; i++)
        if (scenario.entry[i].to && (scenario.entry[i].answer == EBUSY || scenario.plan->last))
            scenario_latency(scenario.entry[i].from, scenario.entry[i].to);
}

void scenario_break(const char *why, int error) {
    scenario.broken = true;
    sp_text(scenario.sandbox->result->note, SP_TEXT_SIZE, "%s%s%s", why, error ? ": " : "",
            error ? strerror(error) : "");
}

/* Exactly one answer a request: a callback, or a cancel that gave it back. One whose I/O has failed
 * says nothing about its cancel. */
void scenario_check_answers(void) {
    for (int i = 0; i < scenario.plan->requests; i++) {
        const struct scenario_entry *entry = &scenario.entry[i];
        int calls = atomic_load(&entry->calls), error = atomic_load(&entry->error);
        if (calls + (entry->answer == 0) != 1)
            scenario_break("a request was not answered exactly once", 0);
        else if (calls && error != 0 && error != EINTR && error != ECANCELED)
            scenario_break("a request failed", error);
    }
}
