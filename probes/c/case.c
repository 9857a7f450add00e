/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes a case id apart, and says in a line what is wrong with one that cannot be run. */
#include "case.h"
#include "text.h"

#include <string.h>

enum { CASE_PARTS = 7 };

static const char *const case_dispositions[] = {"default", "ignore", "handler", "handler-restart"};
static const char *const case_masks[] = {"open", "open-all", "blocked"};
static const char *const case_timings[] = {"asleep", "before", "sweep"};

static int case_word(const char *const *words, int count, const char *word) {
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

/* Splits a copy of the id at its slashes; the number of parts. */
static int case_split(char *copy, char *parts[CASE_PARTS]) {
    int count = 0;
    for (char *at = copy; at; count++) {
        char *slash = strchr(at, '/');
        if (count < CASE_PARTS)
            parts[count] = at;
        if (slash)
            *slash++ = '\0';
        at = slash;
    }
    return count;
}

static int case_missing(unsigned kind, const char *word, const char *what, char *reason,
                        size_t size) {
    const char *gate = NULL;
    (void)sp_find(kind, word, &gate);
    if (gate) {
        sp_text(reason, size, "%s", gate);
        return SP_UNSUPPORTED;
    }
    sp_text(reason, size, "no %s is called %s", what, word);
    return SP_ERROR;
}

/* Combinations that mean nothing anywhere. */
static const char *case_senseless(const struct sp_case *c, const char *sender) {
    bool raised = strcmp(sender, "raise") == 0;
    if (raised && c->timing != SP_BEFORE)
        return "a thread that raises a signal itself is not asleep: raise goes with timing before";
    bool fixed = c->signal == SIGKILL || c->signal == SIGSTOP;
    if (fixed && c->disposition != SP_DEFAULT)
        return "SIGKILL and SIGSTOP have no other disposition than default (POSIX sigaction)";
    return NULL;
}

int sp_case_parse(const char *id, struct sp_case *out, char *reason, size_t size) {
    char copy[SP_ID_SIZE];
    char *part[CASE_PARTS] = {0};
    if (strlen(id) >= sizeof copy) {
        sp_text(reason, size, "the id is longer than %d characters", SP_ID_SIZE - 1);
        return SP_ERROR;
    }
    memcpy(copy, id, strlen(id) + 1);
    if (case_split(copy, part) != CASE_PARTS) {
        sp_text(reason, size,
                "an id has the form "
                "CALL/SIGNAL/DISPOSITION/MASK/SENDER/WATCHER/TIMING");
        return SP_ERROR;
    }
    int disposition = case_word(case_dispositions, SP_DISPOSITIONS, part[2]);
    int mask = case_word(case_masks, SP_MASKS, part[3]);
    int timing = case_word(case_timings, SP_TIMINGS, part[6]);
    if (disposition < 0 || mask < 0 || timing < 0) {
        int bad = disposition < 0 ? 2 : mask < 0 ? 3 : 6;
        static const char *const axis[] = {"disposition", "mask", "", "", "timing"};
        sp_text(reason, size, "no %s is called %s", axis[bad - 2], part[bad]);
        return SP_ERROR;
    }
    out->call = sp_find(SP_KIND_CALL, part[0], NULL);
    out->signal = sp_signal_number(part[1]);
    out->sender = sp_find(SP_KIND_SENDER, part[4], NULL);
    out->watcher = NULL;
    out->disposition = (enum sp_disposition)disposition;
    out->mask = (enum sp_mask)mask;
    out->timing = (enum sp_timing)timing;
    if (!out->call)
        return case_missing(SP_KIND_CALL, part[0], "call", reason, size);
    if (!out->signal)
        return case_missing(SP_KIND_SIGNAL, part[1], "signal", reason, size);
    if (!out->sender)
        return case_missing(SP_KIND_SENDER, part[4], "sender", reason, size);
    if (strcmp(part[5], "none") != 0) {
        out->watcher = sp_find(SP_KIND_WATCHER, part[5], NULL);
        if (!out->watcher)
            return case_missing(SP_KIND_WATCHER, part[5], "watcher", reason, size);
    }
    const char *senseless = case_senseless(out, part[4]);
    if (senseless) {
        sp_text(reason, size, "%s", senseless);
        return SP_ERROR;
    }
    if (out->timing == SP_SWEEP && sp_cpus() < 2) {
        sp_text(reason, size, "a sweep needs two processors: target and sender start at one time");
        return SP_UNSUPPORTED;
    }
    return SP_MEASURED;
}
