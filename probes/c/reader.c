/* SPDX-License-Identifier: BSD-2-Clause */
/* Which thread-state reader is in use. */
#include "engine.h"

#include <stddef.h>

enum { READERS_MOST = 8 };

static const struct sp_reader *reader_known[READERS_MOST];
static const struct sp_reader *reader_used;

/* Highest level first; in a level, as registered. */
void sp_add_reader(const struct sp_reader *reader) {
    size_t at = 0;
    while (reader_known[at] && reader_known[at]->level >= reader->level)
        at++;
    for (size_t last = READERS_MOST - 1; last > at; last--)
        reader_known[last] = reader_known[last - 1];
    reader_known[at] = reader;
}

/* Whoever calls this runs: a reader that says otherwise is of no use. */
static bool reader_fits(const struct sp_reader *reader) {
    struct sp_seat seat = {0, {-1, -1}};
    struct sp_where where = {0};
    if (reader->sit(&seat) != 0)
        return false;
    bool fits = reader->look(&seat, &where) == SP_STATE_RUNNING;
    reader->leave(&seat);
    return fits;
}

static int reader_sit_blindly(struct sp_seat *seat) {
    (void)seat;
    return 0;
}
static enum sp_state reader_look_blindly(const struct sp_seat *seat, struct sp_where *where) {
    (void)seat;
    (void)where;
    return SP_STATE_UNKNOWN;
}
static int reader_pending_blindly(const struct sp_seat *seat, int signal) {
    (void)seat;
    (void)signal;
    return -1;
}
static void reader_leave_blindly(struct sp_seat *seat) {
    (void)seat;
}

static const struct sp_reader reader_none = {
    "none",           SP_LEVEL_NONE,       false,
    reader_sit_blindly, reader_look_blindly, reader_pending_blindly,
    reader_leave_blindly};

static void reader_choose(size_t from) {
    reader_used = &reader_none;
    for (size_t i = from; i < READERS_MOST && reader_known[i]; i++)
        if (reader_fits(reader_known[i])) {
            reader_used = reader_known[i];
            return;
        }
}

const struct sp_reader *sp_reader(void) {
    if (!reader_used)
        reader_choose(0);
    return reader_used;
}

void sp_reader_drop(void) {
    size_t at = 0;
    while (at < READERS_MOST && reader_known[at] && reader_known[at] != reader_used)
        at++;
    reader_choose(at + 1);
}
