/* SPDX-License-Identifier: BSD-2-Clause */
/* What an id means, and why a case cannot be had here. */
#include "scenario.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const scenario_operations[] = {"read", "write", "flush", "delete"};

static int scenario_open_stalled(struct blockif_device **device) {
    return device_stalled_open(device, SCENARIO_SIZE, scenario.plan->workers, &scenario.watch);
}

static void scenario_path(char *out, size_t size) {
    sp_text(out, size, "%s/disk", scenario.sandbox->dir);
}

static int scenario_open_file(struct blockif_device **device) {
    static const struct blockif_options plain;
    char path[160];
    scenario_path(path, sizeof path);
    int fd = scenario.sandbox->dir[0] ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return scenario.sandbox->dir[0] ? errno : ENOENT;
    int failed = ftruncate(fd, SCENARIO_SIZE) ? errno : 0;
    (void)close(fd);
    return failed ? failed : device_file_open(device, path, &plain);
}

static int scenario_open_fuse(struct blockif_device **device) {
    char path[160];
    scenario_path(path, sizeof path);
    return scenario.sandbox->dir[0] ? device_fuse_open(device, path, SCENARIO_SIZE, &scenario.watch)
                                    : ENOENT;
}

static const char *scenario_no_gate(void) {
    return NULL;
}

static const struct scenario_backend scenario_backends[] = {
    {"stalled", true, scenario_open_stalled, scenario_no_gate},
    {"file", false, scenario_open_file, scenario_no_gate},
    {"fuse", true, scenario_open_fuse, device_fuse_gate},
};

/* Copies the next part of an id and steps over it. */
static const char *scenario_part(const char *id, char *out, size_t size) {
    size_t length = strcspn(id, "/");
    size_t kept = length < size - 1 ? length : size - 1;
    memcpy(out, id, kept);
    out[kept] = '\0';
    return id + length + (id[length] == '/');
}

static int scenario_unknown(char *reason, size_t size, const char *axis, const char *word) {
    sp_text(reason, size, "no %s is called '%s'", axis, word);
    return SP_ERROR;
}

int scenario_parse(const char *id, struct scenario_case *c, char *reason, size_t size) {
    char operation[16], backend[16], plan[16];
    memset(c, 0, sizeof *c);
    c->operation = -1;
    id = scenario_part(id + strlen("blockif/"), c->kick, sizeof c->kick);
    id = scenario_part(id, operation, sizeof operation);
    id = scenario_part(id, backend, sizeof backend);
    id = scenario_part(id, plan, sizeof plan);
    for (int i = 0; i < 4; i++)
        if (strcmp(scenario_operations[i], operation) == 0)
            c->operation = i;
    for (size_t i = 0; i < sizeof scenario_backends / sizeof scenario_backends[0]; i++)
        if (strcmp(scenario_backends[i].name, backend) == 0)
            c->backend = &scenario_backends[i];
    c->plan = scenario_plan_of(plan);
    if (c->operation < 0)
        return scenario_unknown(reason, size, "operation", operation);
    if (!c->backend)
        return scenario_unknown(reason, size, "backend", backend);
    return c->plan && !*id ? SP_MEASURED : scenario_unknown(reason, size, "scenario", plan);
}

static int scenario_refuse(char *reason, size_t size, const char *why) {
    sp_text(reason, size, "%s", why);
    return SP_UNSUPPORTED;
}

int scenario_check(const char *id, char *reason, size_t size) {
    struct scenario_case c;
    const char *gate;
    int status = scenario_parse(id, &c, reason, size);
    if (status != SP_MEASURED)
        return status;
    const struct blockif_kick *kick = sp_find(SP_KIND_KICK, c.kick, &gate);
    if (!kick)
        return gate ? scenario_refuse(reason, size, gate)
                    : scenario_unknown(reason, size, "kick", c.kick);
    if (strcmp(c.plan->name, "slow-trim") == 0 && c.operation != BLOCKIF_DELETE)
        return scenario_refuse(reason, size, "slow-trim is about delete");
    if (!c.backend->holds && c.plan->sleeps)
        return scenario_refuse(reason, size, "a local file cannot be told to stall");
    if (kick->pollable && strcmp(c.backend->name, "stalled") != 0)
        return scenario_refuse(reason, size,
                               "a file is always ready for poll: the gate stays open");
    bool alone = c.operation == BLOCKIF_FLUSH || c.operation == BLOCKIF_DELETE;
    if (alone && c.plan->workers > 1 && strcmp(c.backend->name, "fuse") == 0)
        return scenario_refuse(reason, size, "one fsync or fallocate at a time enters a FUSE file");
    gate = c.backend->gate();
    return gate ? scenario_refuse(reason, size, gate) : SP_MEASURED;
}
