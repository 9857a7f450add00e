/* SPDX-License-Identifier: BSD-2-Clause */
/* Which thread-state reader is in use: the most telling one that passes its calibration. */
#include "engine.h"

#include <stddef.h>
#include <unistd.h>

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

/* ------------------------------------------------------------------ calibration */

/* A thread that a reader is tried on: it blocks in read until a byte comes, then it spins. */
struct reader_subject {
    const struct sp_reader *reader;
    struct sp_seat seat;
    int end[2];
    _Atomic int seated; /* 1, or -1 when it could not sit down */
    _Atomic int left;
    _Atomic int done;
};

static void *reader_subject_main(void *argument) {
    struct reader_subject *subject = argument;
    char byte;
    atomic_store(&subject->seated, subject->reader->sit(&subject->seat) == 0 ? 1 : -1);
    (void)!read(subject->end[0], &byte, 1);
    atomic_store(&subject->left, 1);
    struct sp_patience patience = {0};
    while (!atomic_load(&subject->done))
        sp_relax(&patience);
    if (atomic_load(&subject->seated) > 0)
        subject->reader->leave(&subject->seat);
    return NULL;
}

/* Time and looks both have to run out: a starved thread is no fault of the reader. */
static bool reader_shows(const struct reader_subject *subject, enum sp_state state) {
    enum { LOOKS = 1000 };
    const uint64_t patience_ns = 2000000000u;
    struct sp_patience patience = {0};
    uint64_t until = sp_now() + patience_ns;
    struct sp_where where = {0};
    while (subject->reader->look(&subject->seat, &where) != state) {
        if (sp_now() > until && patience.spins > LOOKS)
            return false;
        sp_relax(&patience);
    }
    return true;
}

static bool reader_follows(struct reader_subject *subject) {
    struct sp_patience patience = {0};
    while (!atomic_load(&subject->seated))
        sp_relax(&patience);
    bool asleep = atomic_load(&subject->seated) > 0 && reader_shows(subject, SP_STATE_ASLEEP);
    (void)!write(subject->end[1], "", 1);
    while (!atomic_load(&subject->left))
        sp_relax(&patience);
    return asleep && reader_shows(subject, SP_STATE_RUNNING);
}

/* Blocks a thread in a known call and sees it, wakes it and sees it leave. */
static bool reader_fits(const struct sp_reader *reader) {
    struct reader_subject subject = {.reader = reader, .seat = {0, {-1, -1}}};
    pthread_t thread;
    sigset_t all, before;
    if (pipe(subject.end) != 0)
        return false;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool fits = pthread_create(&thread, NULL, reader_subject_main, &subject) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (fits) {
        fits = reader_follows(&subject);
        atomic_store(&subject.done, 1);
        (void)pthread_join(thread, NULL);
    }
    (void)close(subject.end[0]);
    (void)close(subject.end[1]);
    return fits;
}

/* ------------------------------------------------------------------ without a reader */

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

static const struct sp_reader reader_none = {"none",
                                             SP_LEVEL_NONE,
                                             false,
                                             reader_sit_blindly,
                                             reader_look_blindly,
                                             reader_pending_blindly,
                                             reader_leave_blindly};

static const struct sp_reader *reader_choose(void) {
    for (size_t i = 0; i < READERS_MOST && reader_known[i]; i++)
        if (reader_fits(reader_known[i]))
            return reader_known[i];
    return &reader_none;
}

const struct sp_reader *sp_reader(void) {
    if (!reader_used)
        reader_used = reader_choose();
    return reader_used;
}
