/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that only the kit has know of each other: its main, the choice of cases, the
 * results file. No stdio and no locale: the child of a fork shares no buffer, and a number looks
 * the same everywhere. */
#ifndef SIGPROBE_KIT_H
#define SIGPROBE_KIT_H

#include "engine.h"

#include <time.h>

/* Text that grows; zeros are an empty one. What cannot grow ends the program with status 3. */
struct kit_text {
    char *bytes;
    size_t length, room;
};
void kit_put(struct kit_text *text, const char *bytes, size_t count);
void kit_say(struct kit_text *text, const char *string);
void kit_number(struct kit_text *text, int64_t number, int digits); /* zeros up to `digits` */

/* Writes all of it; 0 or an errno. */
int kit_write(int fd, const char *bytes, size_t count);

/* One line on standard error, "sigprobe: " and the parts up to a NULL; returns `status`. */
int kit_fault(int status, const char *first, ...);

/* 0 when results could be put at a path, else an errno. Leaves what is there as it is. */
int kit_writable(const char *path);

/* Puts the text at the path, whole or not at all; 0 or an errno. */
int kit_save(const char *path, const struct kit_text *text);

/* ------------------------------------------------------------------ choice of cases */

enum { KIT_AXES = 7 };

/* A product of lists of words, the last axis fastest. */
struct kit_plane {
    bool usual;                  /* a run without patterns takes it */
    const char *words[KIT_AXES]; /* with a space between two; NULL past the last axis */
};

/* A walk over the cases that patterns choose: the planes in order, each case once, then the ids
 * that were asked for by name and are in no plane. */
struct kit_walk {
    bool usual;      /* only the planes of a plain run */
    char **patterns; /* none: every case */
    size_t count;
    size_t plane;
    size_t at[KIT_AXES]; /* the words to come next */
    size_t beyond;       /* patterns looked at after the planes */
};

/* The next id, of SP_ID_SIZE bytes; false past the last. */
bool kit_next(struct kit_walk *walk, char *id);

/* 0 when every pattern chooses something; else says what is wrong, and returns 2. */
int kit_check_patterns(char **patterns, size_t count);

/* A shell glob over the whole text: * ? [set] [!set]; * crosses the slash. */
bool kit_matches(const char *pattern, const char *text);

/* ------------------------------------------------------------------ results file */

/* The file while it is being made; zeros are an empty one. */
struct kit_results {
    char **records;
    size_t count, room;
};
void kit_add(struct kit_results *results, const struct sp_result *result);
void kit_forget(struct kit_results *results);

struct kit_run {
    time_t started;
    uint64_t nanoseconds; /* that it took */
    uint64_t seed;
};

/* Appends the whole file to `out` and sorts the records by id. */
void kit_file(struct kit_text *out, struct kit_results *results, const struct kit_run *run);

/* Appends one object of it. */
void kit_record(struct kit_text *out, const struct sp_result *result);
void kit_platform(struct kit_text *out);

/* Appends `, "key": ` (without the comma after a brace), a JSON string or null, and s with three
 * digits after the point. */
void kit_key(struct kit_text *out, const char *key);
void kit_quoted(struct kit_text *out, const char *string);
void kit_seconds(struct kit_text *out, uint64_t nanoseconds);

#endif
