/* SPDX-License-Identifier: BSD-2-Clause */
/* The names that the small files register, sorted; the words for what is counted; experiments. */
#include "engine.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static struct sp_entry *registry_first[SP_KINDS];

static const char *const registry_outcomes[SP_OUTCOMES] = {
    "interrupted", "restarted", "undisturbed", "lost",      "returned",  "elsewhere", "killed",
    "stopped",     "ambiguous", "hung",        "cancelled", "completed", "waited"};
static const char *const registry_sightings[SP_SIGHTINGS] = {"seen", "missed", "watcher-first",
                                                             "target-first"};
static const char *const registry_runners[SP_RUNNERS] = {"target", "bystander", "elsewhere"};
static const char *const registry_methods[] = {"observed", "control", "settled"};
static const char *const registry_statuses[] = {"measured", "unsupported", "error"};

void sp_add(unsigned kind, struct sp_entry *entry) {
    struct sp_entry **at = &registry_first[kind];
    while (*at && strcmp((*at)->name, entry->name) < 0)
        at = &(*at)->next;
    entry->next = *at;
    *at = entry;
}

static const struct sp_entry *registry_entry(unsigned kind, const char *name) {
    const struct sp_entry *entry = kind < SP_KINDS ? registry_first[kind] : NULL;
    while (entry && strcmp(entry->name, name) != 0)
        entry = entry->next;
    return entry;
}

const void *sp_find(unsigned kind, const char *name, const char **gate) {
    const struct sp_entry *entry = registry_entry(kind, name);
    if (gate)
        *gate = entry ? entry->gate : NULL;
    return entry ? entry->table : NULL;
}

const char *sp_purpose(unsigned kind, const char *name) {
    const struct sp_entry *entry = registry_entry(kind, name);
    return entry ? entry->purpose : NULL;
}

size_t sp_count(unsigned kind) {
    size_t count = 0;
    for (const struct sp_entry *at = kind < SP_KINDS ? registry_first[kind] : NULL; at;
         at = at->next)
        count++;
    return count;
}

const char *sp_name(unsigned kind, size_t index) {
    const struct sp_entry *entry = kind < SP_KINDS ? registry_first[kind] : NULL;
    while (entry && index--)
        entry = entry->next;
    return entry ? entry->name : NULL;
}

#define REGISTRY_WORD(list, index) ((index) < sizeof(list) / sizeof(list)[0] ? (list)[index] : NULL)

const char *sp_version(void) {
    return SP_VERSION;
}
const char *sp_outcome_name(unsigned outcome) {
    return REGISTRY_WORD(registry_outcomes, outcome);
}
const char *sp_sighting_name(unsigned sighting) {
    return REGISTRY_WORD(registry_sightings, sighting);
}
const char *sp_runner_name(unsigned runner) {
    return REGISTRY_WORD(registry_runners, runner);
}
const char *sp_method_name(unsigned method) {
    return REGISTRY_WORD(registry_methods, method);
}
const char *sp_status_name(unsigned status) {
    return REGISTRY_WORD(registry_statuses, status);
}

/* ------------------------------------------------------------------ experiments */

static struct sp_experiment *registry_experiments[4];

void sp_add_experiment(struct sp_experiment *experiment) {
    size_t at = 0;
    while (registry_experiments[at])
        at++;
    registry_experiments[at] = experiment;
}

const struct sp_experiment *sp_experiment_of(const char *id) {
    const struct sp_experiment *best = NULL;
    size_t most = 0;
    for (size_t i = 0; registry_experiments[i]; i++) {
        size_t length = strlen(registry_experiments[i]->prefix);
        if (strncmp(id, registry_experiments[i]->prefix, length) == 0 &&
            (!best || length >= most)) {
            best = registry_experiments[i];
            most = length;
        }
    }
    return best;
}

int sp_check(const char *id, char *reason, size_t size) {
    const struct sp_experiment *experiment = sp_experiment_of(id);
    sp_text(reason, size, "%s", "");
    if (experiment)
        return experiment->check(id, reason, size);
    sp_text(reason, size, "this build holds no experiment");
    return SP_ERROR;
}
