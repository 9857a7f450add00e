/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenarios as cases blockif/KICK/OPERATION/BACKEND/SCENARIO in the engine's sandbox: setting
 * up and ending. */
#include "scenario.h"

#include "text.h"

#include <errno.h>
#include <string.h>

int scenario_open_disk(void) {
    struct scenario_case c;
    char reason[SP_TEXT_SIZE];
    (void)scenario_parse(scenario.sandbox->request->id, &c, reason, sizeof reason);
    struct blockif_options options = {.kick = c.kick, .workers = scenario.plan->workers};
    int failed = c.backend->open(&scenario.device);
    if (!failed)
        failed = blockif_open_device(&scenario.disk, scenario.device, &options, &scenario.watch);
    if (!failed && scenario.plan->port) {
        ahci_port_open(&scenario.port, scenario.disk);
        scenario.port.interrupt = scenario_interrupt;
    }
    if (!failed)
        scenario_await(scenario_all_seated, "waiting for the disk's threads");
    return failed;
}

static void scenario_look_for_tracer(void) {
    char name[32];
    struct sp_result *result = scenario.sandbox->result;
    if (!sp_tracer(name, sizeof name))
        return;
    result->traced = 1;
    sp_text(result->note, SP_TEXT_SIZE,
            "traced by %s: a traced process does not drop ignored signals", name);
}

/* One request that nobody disturbs, before any is: a ring may lack the operation (io_uring(7)), and
 * a file system the call. */
static int scenario_try_out(const char *kick) {
    struct blockif_request *request = &scenario.entry[0].request;
    scenario_prepare(0);
    int failed = blockif_submit(scenario.disk, &request, 1);
    if (!failed) {
        scenario_await(scenario_is_vacant, "waiting for the first request");
        failed = atomic_load(&scenario.entry[0].error);
    }
    bool unable = failed == EINVAL || failed == EOPNOTSUPP || failed == ENOSYS;
    return failed
               ? sp_fail(scenario.sandbox, unable ? SP_UNSUPPORTED : SP_ERROR,
                         "%s: a request that nobody cancels ends with: %s", kick, strerror(failed))
               : 0;
}

static int scenario_begin(struct sp_sandbox *sandbox) {
    struct scenario_case c;
    int status = scenario_parse(sandbox->request->id, &c, sandbox->result->reason, SP_TEXT_SIZE);
    if (status != SP_MEASURED)
        return status;
    memset(&scenario, 0, sizeof scenario);
    scenario.sandbox = sandbox;
    scenario.plan = c.plan;
    scenario.operation = c.operation;
    scenario.kick = sp_find(SP_KIND_KICK, c.kick, NULL);
    scenario.watch =
        (struct blockif_watch){scenario_started, scenario_leaving, scenario_claimed, 0};
    scenario.settle_ns = SCENARIO_SETTLE_NS;
    scenario.method =
        sp_reader()->level > SP_LEVEL_NONE && sp_reader()->sender_wakes ? SP_OBSERVED : SP_SETTLED;
    sandbox->result->method = (int32_t)scenario.method;
    scenario_look_for_tracer();
    int failed = 0;
    for (int i = 0; i < c.plan->actors && !failed; i++) {
        failed = scenario_hire(i);
        if (!failed)
            scenario_await(scenario_all_seated, "waiting for an actor"); /* seats in their order */
    }
    if (!failed)
        failed = scenario_open_disk();
    if (failed == ENOSYS)
        return sp_fail(sandbox, SP_UNSUPPORTED, "%s: not here (%s)", c.kick, strerror(failed));
    return failed ? sp_fail(sandbox, SP_ERROR, "cannot set up the disk: %s", strerror(failed))
                  : scenario_try_out(c.kick);
}

static void scenario_end(struct sp_sandbox *sandbox) {
    (void)sandbox;
    scenario_look_for_tracer();
    (void)blockif_close(&scenario.disk);
    for (int i = 0; i < scenario.plan->actors; i++)
        scenario_dismiss(i);
}

static struct sp_experiment scenario_experiment = {"blockif_ref",  "blockif/",     scenario_check,
                                                   scenario_begin, scenario_trial, scenario_end};

__attribute__((constructor)) static void scenario_register(void) {
    sp_add_experiment(&scenario_experiment);
}
