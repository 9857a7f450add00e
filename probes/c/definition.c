/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands for the way a case is measured: a hash over the sources that take part in it. */
#include "engine.h"

#include <string.h>

#if !defined(SP_HASHES) && defined(__has_include)
#if __has_include("sp_hashes.h")
#include "sp_hashes.h"
#define SP_HASHES
#endif
#endif

static const char *definition_hash(const char *name, size_t length) {
#ifdef SP_HASHES
    for (size_t i = 0; i < sizeof sp_hashes / sizeof sp_hashes[0]; i++)
        if (strlen(sp_hashes[i].name) == length && memcmp(sp_hashes[i].name, name, length) == 0)
            return sp_hashes[i].hash;
#endif
    (void)name;
    (void)length;
    return "";
}

/* FNV-1a, 64 bits (its authors' constants, draft-eastlake-fnv). */
static uint64_t definition_add(uint64_t hash, const char *text) {
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

/* The hash of the file that holds one part of an id: "call/read-pipe". */
static uint64_t definition_part(uint64_t hash, const char *room, const char *part, size_t length) {
    char name[SP_ID_SIZE + 16];
    size_t prefix = strlen(room);
    memcpy(name, room, prefix);
    memcpy(name + prefix, part, length);
    return definition_add(hash, definition_hash(name, prefix + length));
}

void sp_definition(const char *id, char *out) {
    uint64_t hash = definition_add(14695981039346656037u, definition_hash("core", 4));
    const struct sp_experiment *experiment = sp_experiment_of(id);
    const char *sources = experiment ? experiment->sources : "";
    hash = definition_add(hash, definition_hash(sources, strlen(sources)));
    size_t index = 0;
    for (const char *part = id; strlen(id) < SP_ID_SIZE; index++) {
        size_t length = strcspn(part, "/");
        if (index == 0)
            hash = definition_part(hash, "call/", part, length);
        if (index == 1)
            hash = definition_part(hash, "kick/", part, length);
        if (index == 5)
            hash = definition_part(hash, "watcher/", part, length);
        if (!part[length])
            break;
        part += length + 1;
    }
    hash = definition_add(hash, id);
    for (int digit = 15; digit >= 0; digit--, hash >>= 4)
        out[digit] = "0123456789abcdef"[hash & 15];
    out[16] = '\0';
}
