/* SPDX-License-Identifier: BSD-2-Clause */
/* Shell globs, as Python's fnmatchcase understands them: nothing quotes, nothing is special about a
 * slash or a leading dot. fnmatch(3) reads a backslash, and sets by the locale's order. */
#include "kit.h"

#include <string.h>

/* The "]" that ends the set which begins after `pattern`'s "[", or NULL. */
static const char *glob_set_end(const char *pattern) {
    const char *at = pattern + (*pattern == '!');
    return *at ? strchr(at + 1, ']') : NULL;
}

static bool glob_in_set(const char *at, const char *end, char c) {
    bool inverse = *at == '!';
    bool in = false;
    for (at += inverse; at < end; at++) {
        bool range = at + 2 < end && at[1] == '-';
        char last = range ? at[2] : *at;
        in |= *at <= c && c <= last;
        at += range ? 2 : 0;
    }
    return in != inverse;
}

/* Whether one element of the pattern takes `c`; `rest` is where the next one begins. */
static bool glob_takes(const char *pattern, char c, const char **rest) {
    const char *end = *pattern == '[' ? glob_set_end(pattern + 1) : NULL;
    *rest = end ? end + 1 : pattern + 1;
    if (end)
        return glob_in_set(pattern + 1, end, c);
    return *pattern == '?' || *pattern == c;
}

/* Only the last star ever has to give way: what an earlier one took can be left to a later one. */
bool kit_matches(const char *pattern, const char *text) {
    const char *star = NULL, *held = NULL, *rest = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            held = text;
        } else if (*pattern && glob_takes(pattern, *text, &rest)) {
            pattern = rest;
            text++;
        } else if (star) {
            pattern = star;
            text = ++held;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}
