/* SPDX-License-Identifier: BSD-2-Clause */
/* Results as JSON, with the keys and their order that reports/files.py writes. */
#include "kit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void kit_key(struct kit_text *out, const char *key) {
    if (out->bytes[out->length - 1] != '{')
        kit_say(out, ", ");
    kit_say(out, "\"");
    kit_say(out, key);
    kit_say(out, "\": ");
}

/* Everything the engine says is ASCII; what else a kernel says of itself is not worth a decoder. */
void kit_quoted(struct kit_text *out, const char *string) {
    if (!string) {
        kit_say(out, "null");
        return;
    }
    kit_say(out, "\"");
    for (; *string; string++) {
        bool plain = *string >= ' ' && *string <= '~';
        if (*string == '"' || *string == '\\')
            kit_say(out, "\\");
        kit_put(out, plain ? string : "?", 1);
    }
    kit_say(out, "\"");
}

void kit_seconds(struct kit_text *out, uint64_t nanoseconds) {
    int64_t milliseconds = (int64_t)(nanoseconds / 1000000u);
    kit_number(out, milliseconds / 1000, 1);
    kit_say(out, ".");
    kit_number(out, milliseconds % 1000, 3);
}

static void record_count(struct kit_text *out, const char *key, uint64_t count) {
    kit_key(out, key);
    kit_number(out, (int64_t)count, 1);
}

static void record_quoted(struct kit_text *out, const char *key, const char *string) {
    kit_key(out, key);
    kit_quoted(out, string);
}

static void record_open(struct kit_text *out, const char *key) {
    kit_key(out, key);
    kit_say(out, "{");
}

/* The outcome whose name comes next in the alphabet after `last`; SP_OUTCOMES past the end. */
static unsigned record_next_outcome(const char *last) {
    unsigned best = SP_OUTCOMES;
    for (unsigned i = 0; i < SP_OUTCOMES; i++)
        if (strcmp(sp_outcome_name(i), last) > 0 &&
            (best == SP_OUTCOMES || strcmp(sp_outcome_name(i), sp_outcome_name(best)) < 0))
            best = i;
    return best;
}

static void record_outcomes(struct kit_text *out, const uint64_t *counts) {
    record_open(out, "outcomes");
    for (unsigned i = record_next_outcome(""); i < SP_OUTCOMES;
         i = record_next_outcome(sp_outcome_name(i)))
        if (counts[i])
            record_count(out, sp_outcome_name(i), counts[i]);
    kit_say(out, "}");
}

static void record_counts(struct kit_text *out, const char *key, const uint64_t *counts,
                          const char *(*name)(unsigned)) {
    record_open(out, key);
    for (unsigned i = 0; name(i); i++)
        record_count(out, name(i), counts[i]);
    kit_say(out, "}");
}

/* The lower bound of the bucket in which the rank falls. */
static uint64_t record_ranked(const uint64_t *buckets, uint64_t percent) {
    uint64_t total = 0, below = 0;
    for (unsigned i = 0; i < SP_BUCKETS; i++)
        total += buckets[i];
    for (unsigned i = 0; i < SP_BUCKETS; i++) {
        below += buckets[i];
        if (buckets[i] && below * 100 >= total * percent)
            return sp_bucket_floor(i);
    }
    return 0;
}

static void record_latency(struct kit_text *out, const struct sp_result *result) {
    const char *between = "[";
    record_open(out, "latency_ns");
    record_count(out, "p50", record_ranked(result->latency, 50));
    record_count(out, "p99", record_ranked(result->latency, 99));
    record_count(out, "max", result->latency_max_ns);
    kit_key(out, "buckets");
    kit_say(out, "[");
    for (unsigned i = 0; i < SP_BUCKETS; i++) {
        if (!result->latency[i])
            continue;
        kit_say(out, between);
        kit_number(out, (int64_t)sp_bucket_floor(i), 1);
        kit_say(out, ", ");
        kit_number(out, (int64_t)result->latency[i], 1);
        kit_say(out, "]");
        between = ", [";
    }
    kit_say(out, "]}");
}

static bool record_any(const uint64_t *counts) {
    for (unsigned i = 0; i < SP_OUTCOMES; i++)
        if (counts[i])
            return true;
    return false;
}

static void record_sweep(struct kit_text *out, const struct sp_result *result) {
    bool any = false;
    for (uint64_t i = 0; i < result->sweep_steps && i < SP_STEPS; i++) {
        if (!record_any(result->sweep[i]))
            continue;
        if (!any) {
            kit_key(out, "sweep");
            kit_say(out, "[");
        }
        kit_say(out, any ? ", {" : "{");
        kit_key(out, "offset_ns");
        kit_number(out, result->sweep_first_ns + (int64_t)i * result->sweep_step_ns, 1);
        record_outcomes(out, result->sweep[i]);
        kit_say(out, "}");
        any = true;
    }
    if (any)
        kit_say(out, "]");
}

void kit_record(struct kit_text *out, const struct sp_result *result) {
    kit_say(out, "{");
    record_quoted(out, "id", result->id);
    record_quoted(out, "status", sp_status_name((unsigned)result->status));
    record_quoted(out, "reason", result->reason[0] ? result->reason : NULL);
    record_count(out, "trials", result->trials);
    record_outcomes(out, result->outcomes);
    record_counts(out, "sightings", result->sightings, sp_sighting_name);
    record_counts(out, "handler", result->handler, sp_runner_name);
    record_quoted(out, "method", sp_method_name((unsigned)result->method));
    record_count(out, "reached", result->reached);
    record_count(out, "late", result->late);
    record_quoted(out, "definition", result->definition);
    record_latency(out, result);
    kit_key(out, "seconds");
    kit_seconds(out, result->nanoseconds);
    record_sweep(out, result);
    if (strncmp(result->id, "blockif/", 8) == 0)
        record_count(out, "kicks", result->kicks);
    if (result->traced) {
        kit_key(out, "traced");
        kit_say(out, "true");
    }
    if (result->note[0])
        record_quoted(out, "note", result->note);
    kit_say(out, "}");
}

/* ------------------------------------------------------------------ the whole file */

static void *record_must(void *memory) {
    if (!memory)
        _exit(kit_fault(3, "no memory left", (char *)NULL));
    return memory;
}

void kit_add(struct kit_results *results, const struct sp_result *result) {
    struct kit_text text = {0};
    kit_record(&text, result);
    kit_put(&text, "", 1);
    if (results->count == results->room) {
        results->room = results->room * 2 + 64;
        results->records =
            record_must(realloc(results->records, results->room * sizeof *results->records));
    }
    results->records[results->count++] = record_must(realloc(text.bytes, text.length));
}

void kit_forget(struct kit_results *results) {
    for (size_t i = 0; i < results->count; i++)
        free(results->records[i]);
    free(results->records);
    *results = (struct kit_results){0};
}

/* Each record begins with its id, whose closing quote is less than any character of an id. */
static int record_order(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The date of a day since 1970-01-01. A year is taken to begin in March, so that the leap day ends
 * it; 400 of them are always 146,097 days (the Gregorian rule). */
static void record_date(struct kit_text *out, int64_t day) {
    int64_t from = day + 719468; /* since 0000-03-01 */
    int64_t era = from / 146097, in_era = from % 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t march = (5 * in_year + 2) / 153; /* months since March: 31 30 31 30 31, twice over */
    int64_t month = march < 10 ? march + 3 : march - 9;
    kit_number(out, era * 400 + year + (month <= 2), 4);
    kit_say(out, "-");
    kit_number(out, month, 2);
    kit_say(out, "-");
    kit_number(out, in_year - (153 * march + 2) / 5 + 1, 2);
}

static void record_timestamp(struct kit_text *out, time_t when) {
    int64_t seconds = (int64_t)when;
    int64_t in_day = seconds % 86400;
    kit_say(out, "\"");
    record_date(out, seconds / 86400);
    kit_say(out, "T");
    kit_number(out, in_day / 3600, 2);
    kit_say(out, ":");
    kit_number(out, in_day / 60 % 60, 2);
    kit_say(out, ":");
    kit_number(out, in_day % 60, 2);
    kit_say(out, "Z\"");
}

static void record_run(struct kit_text *out, const struct kit_run *run) {
    kit_say(out, "{");
    record_quoted(out, "tool", sp_version());
    kit_key(out, "started");
    record_timestamp(out, run->started);
    kit_key(out, "seconds");
    kit_seconds(out, run->nanoseconds);
    record_count(out, "seed", run->seed);
    record_quoted(out, "python", NULL);
    kit_say(out, "}");
}

void kit_file(struct kit_text *out, struct kit_results *results, const struct kit_run *run) {
    kit_say(out, "{\n \"schema\": \"sigprobe-results/1\",\n \"platform\": ");
    kit_platform(out);
    kit_say(out, ",\n \"run\": ");
    record_run(out, run);
    kit_say(out, ",\n \"cases\": [");
    if (results->count)
        qsort(results->records, results->count, sizeof *results->records, record_order);
    for (size_t i = 0; i < results->count; i++) {
        kit_say(out, i ? ",\n  " : "\n  ");
        kit_say(out, results->records[i]);
    }
    kit_say(out, results->count ? "\n ]\n}\n" : "]\n}\n");
}
