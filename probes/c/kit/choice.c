/* SPDX-License-Identifier: BSD-2-Clause */
/* Which cases there are, and which of them a command is about. */
#include "kit.h"
#include "text.h"

#include "kit_planes.h"

#include <string.h>

enum { CHOICE_PLANES = sizeof kit_planes / sizeof kit_planes[0] };

/* The word at an index of a list, and its length; NULL past the last. */
static const char *choice_word(const char *list, size_t index, size_t *length) {
    for (;; list += *length + 1) {
        *length = strcspn(list, " ");
        if (index-- == 0)
            return list;
        if (!list[*length])
            return NULL;
    }
}

static bool choice_lists(const char *list, const char *word, size_t length) {
    size_t found = 0;
    const char *at = choice_word(list, 0, &found);
    for (size_t i = 1; at; at = choice_word(list, i++, &found))
        if (found == length && memcmp(at, word, length) == 0)
            return true;
    return false;
}

static bool choice_in_plane(const struct kit_plane *plane, const char *id) {
    for (size_t axis = 0; axis < KIT_AXES && plane->words[axis]; axis++) {
        size_t length = strcspn(id, "/");
        bool last = axis + 1 == KIT_AXES || !plane->words[axis + 1];
        if (!choice_lists(plane->words[axis], id, length) || (id[length] == '\0') != last)
            return false;
        id += length + !last;
    }
    return true;
}

/* Whether one of the first `planes` planes that a walk goes through holds the case. */
static bool choice_seen(size_t planes, bool usual, const char *id) {
    for (size_t i = 0; i < planes; i++)
        if ((kit_planes[i].usual || !usual) && choice_in_plane(&kit_planes[i], id))
            return true;
    return false;
}

/* Writes the case that the walk is at. */
static void choice_spell(const struct kit_walk *walk, char *id) {
    const struct kit_plane *plane = &kit_planes[walk->plane];
    for (size_t axis = 0; axis < KIT_AXES && plane->words[axis]; axis++) {
        size_t length = 0;
        const char *word = choice_word(plane->words[axis], walk->at[axis], &length);
        if (axis)
            *id++ = '/';
        memcpy(id, word, length);
        id += length;
    }
    *id = '\0';
}

/* Goes to the next point of the plane, or to the first of the next plane. */
static void choice_advance(struct kit_walk *walk) {
    const struct kit_plane *plane = &kit_planes[walk->plane];
    for (size_t axis = KIT_AXES; axis-- > 0;) {
        size_t length = 0;
        if (!plane->words[axis])
            continue;
        if (choice_word(plane->words[axis], ++walk->at[axis], &length))
            return;
        walk->at[axis] = 0;
    }
    walk->plane++;
}

static bool choice_wanted(const struct kit_walk *walk, const char *id) {
    for (size_t i = 0; i < walk->count; i++)
        if (kit_matches(walk->patterns[i], id))
            return true;
    return walk->count == 0;
}

static bool choice_next_of_planes(struct kit_walk *walk, char *id) {
    while (walk->plane < CHOICE_PLANES) {
        bool taken = kit_planes[walk->plane].usual || !walk->usual;
        size_t plane = walk->plane;
        if (!taken) {
            walk->plane++;
            continue;
        }
        choice_spell(walk, id);
        choice_advance(walk);
        if (choice_wanted(walk, id) && !choice_seen(plane, walk->usual, id))
            return true;
    }
    return false;
}

static bool choice_repeats(char **patterns, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(patterns[i], patterns[index]) == 0)
            return true;
    return false;
}

/* A case that is in no plane, asked for by its whole id. */
static bool choice_is_id(const char *pattern) {
    char reason[SP_TEXT_SIZE];
    return sp_check(pattern, reason, sizeof reason) != SP_ERROR;
}

bool kit_next(struct kit_walk *walk, char *id) {
    if (choice_next_of_planes(walk, id))
        return true;
    while (walk->beyond < walk->count) {
        const char *pattern = walk->patterns[walk->beyond];
        bool repeated = choice_repeats(walk->patterns, walk->beyond++);
        if (!repeated && !choice_seen(CHOICE_PLANES, false, pattern) && choice_is_id(pattern)) {
            memcpy(id, pattern, strlen(pattern) + 1);
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ what was meant */

static size_t choice_least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many letters to insert, drop or change to make one word of the other (Levenshtein). */
static size_t choice_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1];
    if (a_length > LONGEST || b_length > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = choice_least(changed, choice_least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

struct choice_nearest {
    const char *word;
    size_t length, distance;
    bool matches;
};

static void choice_compare(const char *part, struct choice_nearest *best, const char *list) {
    size_t length = 0;
    const char *word = choice_word(list, 0, &length);
    for (size_t i = 1; word; word = choice_word(list, i++, &length)) {
        char copy[SP_ID_SIZE] = {0};
        memcpy(copy, word, length);
        size_t distance = choice_distance(part, strlen(part), word, length);
        best->matches |= kit_matches(part, copy);
        if (distance < best->distance) {
            best->distance = distance;
            best->word = word;
            best->length = length;
        }
    }
}

/* What the engine calls one part of an id, or a plane does. */
static struct choice_nearest choice_nearest(const char *part) {
    struct choice_nearest best = {NULL, 0, SIZE_MAX, false};
    for (unsigned kind = 0; kind < SP_KINDS; kind++)
        for (size_t i = 0; i < sp_count(kind); i++)
            choice_compare(part, &best, sp_name(kind, i));
    for (size_t i = 0; i < CHOICE_PLANES; i++)
        for (size_t axis = 0; axis < KIT_AXES && kit_planes[i].words[axis]; axis++)
            choice_compare(part, &best, kit_planes[i].words[axis]);
    return best;
}

/* Names the first part that stands for nothing, and the word nearest to it if one is near. */
static int choice_complain(const char *pattern) {
    char hint[2 * SP_ID_SIZE] = "";
    for (const char *at = pattern; strlen(pattern) < SP_ID_SIZE;) {
        char part[SP_ID_SIZE] = {0}, word[SP_ID_SIZE] = {0};
        size_t length = strcspn(at, "/");
        memcpy(part, at, length);
        struct choice_nearest best = choice_nearest(part);
        bool near = best.distance <= 1 + length / 3;
        memcpy(word, near ? best.word : "", near ? best.length : 0);
        if (!best.matches) {
            sp_text(hint, sizeof hint, ": nothing is called %s%s%s", part,
                    near ? "; nearest: " : "", word);
            break;
        }
        if (!at[length])
            break;
        at += length + 1;
    }
    if (!hint[0] && !strchr(pattern, '/'))
        return kit_fault(2, "no case matches ", pattern, "; do you mean '", pattern, "/*'?",
                         (char *)NULL);
    return kit_fault(2, "no case matches ", pattern, hint, (char *)NULL);
}

int kit_check_patterns(char **patterns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char id[SP_ID_SIZE], reason[SP_TEXT_SIZE];
        struct kit_walk walk = {.patterns = &patterns[i], .count = 1};
        if (kit_next(&walk, id))
            continue;
        (void)sp_check(patterns[i], reason, sizeof reason);
        if (!strpbrk(patterns[i], "*?[") && strchr(patterns[i], '/'))
            return kit_fault(2, patterns[i], ": ", reason, (char *)NULL);
        return choice_complain(patterns[i]);
    }
    return 0;
}
