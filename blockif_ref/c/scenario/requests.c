/* SPDX-License-Identifier: BSD-2-Clause */
/* A trial's requests, through the disk or through an AHCI port. */
#include "scenario.h"

#include <errno.h>

static void scenario_answered(struct blockif_request *request, int error) {
    struct scenario_entry *entry = request->owner;
    atomic_store(&entry->error, error);
    atomic_fetch_add(&entry->calls, 1);
}

/* A slot that its port cancelled while pending has no callback: the port says ECANCELED. */
void scenario_interrupt(struct ahci_port *port, int slot) {
    struct scenario_entry *entry = &scenario.entry[slot];
    atomic_store(&entry->error, port->slot[slot].error);
    atomic_fetch_add(&entry->calls, 1);
}

void scenario_prepare(int index) {
    struct scenario_entry *entry = &scenario.entry[index];
    bool data = scenario.operation == BLOCKIF_READ || scenario.operation == BLOCKIF_WRITE;
    bool flush = scenario.operation == BLOCKIF_FLUSH;
    entry->piece = (struct iovec){scenario.memory[index], SCENARIO_BYTES};
    entry->request = (struct blockif_request){.operation = scenario.operation,
                                              .count = data ? 1 : 0,
                                              .pieces = &entry->piece,
                                              .offset = flush ? 0 : index * SCENARIO_STRIDE,
                                              .length = flush ? 0 : SCENARIO_BYTES,
                                              .callback = scenario_answered,
                                              .owner = entry};
    atomic_store(&entry->calls, 0);
    atomic_store(&entry->error, -1);
    entry->answer = -1;
    entry->from = entry->to = 0;
}

int scenario_issue(int slot) {
    const struct blockif_request *request = &scenario.entry[slot].request;
    return ahci_port_issue(&scenario.port, slot, request->operation,
                           request->count ? scenario.memory[slot] : NULL, request->offset,
                           request->length);
}

void scenario_submit(void) {
    for (int i = 0; i < scenario.plan->requests; i++) {
        struct blockif_request *request = &scenario.entry[i].request;
        scenario_prepare(i);
        int failed =
            scenario.plan->port ? scenario_issue(i) : blockif_submit(scenario.disk, &request, 1);
        if (failed)
            scenario_break("a request was refused", failed);
    }
}

void scenario_hold(bool held) {
    if (scenario.device->medium->hold)
        scenario.device->medium->hold(scenario.device, held);
}

static int scenario_unanswered(void) {
    int unanswered = 0;
    for (int i = 0; i < scenario.plan->requests; i++) {
        const struct scenario_entry *entry = &scenario.entry[i];
        unanswered += atomic_load(&entry->calls) == 0 && entry->answer != 0;
    }
    return unanswered;
}

bool scenario_all_answered(void) {
    return scenario_unanswered() == 0;
}
