/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests for callers that cannot be called back from a worker: completions are put into a basket
 * and collected, many at a time, by whoever waits. Python's door to the block layer. */
#ifndef BASKET_H
#define BASKET_H

#include "blockif.h"

struct basket;

/* One request to hand in. `slot` names it until it has been collected. */
struct basket_order {
    int32_t operation; /* enum blockif_operation */
    int32_t slot;      /* 0 to the disk's limit less 1, and free */
    void *memory;      /* NULL for flush and delete */
    int64_t offset;    /* bytes */
    uint64_t length;   /* bytes */
};

/* One request that has ended. */
struct basket_answer {
    int32_t slot;
    int32_t error;     /* 0 or an errno */
    uint64_t residual; /* bytes not transferred */
};

/* A basket with as many slots as the disk holds requests. 0 or an errno. */
int basket_open(struct basket **basket, struct blockif *disk);

/* After the disk has been closed. Answers that nobody collected are dropped. */
void basket_close(struct basket *basket);

/* Hands in all orders or none, as blockif_submit does; EINVAL also for a slot that is not there.
 * What came of it is in *handed_in as well (1: all), and what basket_collect took in *taken: a
 * caller's language may throw between the return of a call and the use of its result. */
int basket_submit(struct basket *basket, const struct basket_order *orders, size_t count,
                  int32_t *handed_in);

/* Takes up to `most` answers out, the latest first. Waits up to `milliseconds` (0: not at all)
 * while there is none. */
void basket_collect(struct basket *basket, struct basket_answer *answers, size_t most,
                    int milliseconds, size_t *taken);

/* As blockif_cancel, for what is in a slot; but one that was waiting is answered too, ECANCELED. */
int basket_cancel(struct basket *basket, int32_t slot);

/* A descriptor that is readable while there are answers, for event loops. */
int basket_descriptor(struct basket *basket);

#endif
