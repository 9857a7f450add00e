/* SPDX-License-Identifier: BSD-2-Clause */
/* The queues of a disk and their elements. Everything else here wants the disk's lock held. */
#ifndef BLOCKIF_QUEUE_H
#define BLOCKIF_QUEUE_H

#include "inside.h"

/* Takes the disk's lock. It is held for a moment only, so that sleeping for it costs far more than
 * to try again. */
void blockif_lock(struct blockif *disk);

/* Adds an element that is in no queue to the spare ones. */
void blockif_put_by(struct blockif *disk, struct blockif_element *element);

/* The element of a queue that holds `request`, or NULL. */
struct blockif_element *blockif_find(const struct blockif_queue *queue,
                                     const struct blockif_request *request);

/* Gives a request a spare element, of which there must be one, and lets it wait. */
void blockif_enqueue(struct blockif *disk, struct blockif_request *request);

/* Gives the worker the first request that may run, or NULL. */
struct blockif_element *blockif_take(struct blockif_worker *worker);

/* Takes an element out of its queue; whoever waited for it may go on. */
void blockif_vacate(struct blockif *disk, struct blockif_queue *queue,
                    struct blockif_element *element);

/* Wakes the worker that was the last to fall asleep; there must be one. */
void blockif_call_worker(struct blockif *disk);

/* Wakes one idle worker, which wakes the next if there is more to do: a burst of cheap requests
 * then costs one wake-up, and slow ones still get every worker. */
void blockif_wake(struct blockif *disk);

#endif
