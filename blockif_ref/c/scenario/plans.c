/* SPDX-License-Identifier: BSD-2-Clause */
/* What each scenario is: the situation, and what is done in it. */
#include "scenario.h"

#include <string.h>

static bool scenario_is_at_gate(void) {
    return atomic_load(&scenario.at_gate);
}

/* As many as there are workers are in their calls, and everybody sleeps. */
static bool scenario_is_asleep(void) {
    int busy = scenario.plan->workers < scenario.plan->requests ? scenario.plan->workers
                                                                : scenario.plan->requests;
    return atomic_load(&scenario.claims) >= (uint64_t)busy && scenario_at_rest();
}

bool scenario_is_vacant(void) {
    (void)pthread_mutex_lock(&scenario.disk->lock);
    bool vacant = scenario.disk->vacant == BLOCKIF_RING + scenario.disk->workers;
    (void)pthread_mutex_unlock(&scenario.disk->lock);
    return vacant;
}

/* Every worker has begun, and is where it happens to be. */
static bool scenario_is_under_way(void) {
    return atomic_load(&scenario.claims) >= (uint64_t)scenario.plan->workers;
}

static void scenario_cancel(int index) {
    struct scenario_entry *entry = &scenario.entry[index];
    entry->from = sp_now();
    entry->answer = blockif_cancel(scenario.disk, &entry->request);
    entry->to = sp_now();
}

static void scenario_cancel_first(int actor) {
    (void)actor;
    scenario_cancel(0);
}

static void scenario_cancel_last(int actor) {
    (void)actor;
    scenario_cancel(scenario.plan->requests - 1);
}

/* Each actor takes its own share: two cancels of one request would kick for each other. */
static void scenario_cancel_share(int actor) {
    for (int i = actor; i < scenario.plan->requests; i += scenario.plan->actors)
        scenario_cancel(i);
}

static void scenario_stop_port(int actor) {
    (void)actor;
    (void)ahci_port_stop(&scenario.port);
}

static void scenario_close(int actor) {
    (void)actor;
    (void)blockif_close(&scenario.closing);
}

static const struct scenario_plan scenario_plans[] = {
    {.name = "pending",
     .purpose = "cancel a request that is still queued",
     .workers = 1,
     .requests = 2,
     .actors = 1,
     .gated = true,
     .last = true,
     .ready = scenario_is_at_gate,
     .act = scenario_cancel_last},
    {.name = "asleep",
     .purpose = "cancel a request whose worker sleeps in its I/O",
     .workers = 1,
     .requests = 1,
     .actors = 1,
     .held = true,
     .sleeps = true,
     .ready = scenario_is_asleep,
     .act = scenario_cancel_first},
    {.name = "before",
     .purpose = "cancel a request that is claimed and has not entered its call",
     .workers = 1,
     .requests = 1,
     .actors = 1,
     .held = true,
     .gated = true,
     .ready = scenario_is_at_gate,
     .act = scenario_cancel_first},
    {.name = "finished",
     .purpose = "cancel a request that has completed",
     .workers = 1,
     .requests = 1,
     .actors = 1,
     .ready = scenario_is_vacant,
     .act = scenario_cancel_first},
    {.name = "storm",
     .purpose = "two threads cancel 64 requests at once",
     .workers = 8,
     .requests = 64,
     .actors = 2,
     .held = true,
     .ready = scenario_is_under_way,
     .act = scenario_cancel_share},
    {.name = "port-stop",
     .purpose = "stop a port with 32 commands in flight",
     .workers = 8,
     .requests = 32,
     .actors = 1,
     .held = true,
     .port = true,
     .sleeps = true,
     .ready = scenario_is_asleep,
     .act = scenario_stop_port},
    {.name = "close",
     .purpose = "close the disk with requests in flight",
     .workers = 8,
     .requests = 32,
     .actors = 1,
     .held = true,
     .closes = true,
     .sleeps = true,
     .ready = scenario_is_asleep,
     .act = scenario_close},
    {.name = "slow-trim",
     .purpose = "a guest resets its port while a TRIM takes too long",
     .workers = 1,
     .requests = 4,
     .actors = 1,
     .held = true,
     .port = true,
     .sleeps = true,
     .ready = scenario_is_asleep,
     .act = scenario_stop_port},
};

const struct scenario_plan *scenario_plan_of(const char *name) {
    for (size_t i = 0; i < sizeof scenario_plans / sizeof scenario_plans[0]; i++)
        if (strcmp(scenario_plans[i].name, name) == 0)
            return &scenario_plans[i];
    return NULL;
}
