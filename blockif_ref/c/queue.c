/* SPDX-License-Identifier: BSD-2-Clause */
/* The queues: who waits, who may run, and which worker is woken for it. */
#include "queue.h"

static const int64_t blockif_nowhere = INT64_MAX; /* the end of a flush: no request starts there */

void blockif_lock(struct blockif *disk) {
    enum { TRIES = 100 };
    struct sp_patience patience = {0};
    for (int i = 0; i < TRIES; i++) {
        if (pthread_mutex_trylock(&disk->lock) == 0)
            return;
        sp_relax(&patience);
    }
    (void)pthread_mutex_lock(&disk->lock);
}

void blockif_put_by(struct blockif *disk, struct blockif_element *element) {
    element->next = disk->spare;
    disk->spare = element;
}

static void blockif_append(struct blockif_queue *queue, struct blockif_element *element) {
    element->next = NULL;
    element->previous = queue->last;
    if (queue->last)
        queue->last->next = element;
    else
        queue->first = element;
    queue->last = element;
}

static void blockif_remove(struct blockif_queue *queue, struct blockif_element *element) {
    if (element->previous)
        element->previous->next = element->next;
    else
        queue->first = element->next;
    if (element->next)
        element->next->previous = element->previous;
    else
        queue->last = element->previous;
}

struct blockif_element *blockif_find(const struct blockif_queue *queue,
                                     const struct blockif_request *request) {
    struct blockif_element *at = queue->first;
    while (at && at->request != request)
        at = at->next;
    return at;
}

/* Whether a queue holds an element submitted before `element` that ends where it starts. */
static bool blockif_leads(const struct blockif_queue *queue,
                          const struct blockif_element *element) {
    int64_t start = element->request->offset;
    for (const struct blockif_element *at = queue->first; at; at = at->next)
        if (at->end == start && at->serial < element->serial)
            return true;
    return false;
}

_Static_assert(BLOCKIF_RING + BLOCKIF_WORKERS_MOST <= UINT8_MAX, "all may end at one place");

/* How many end at a place, and at those with the same hash (Knuth's multiplicative one). */
static uint8_t *blockif_ends(struct blockif *disk, int64_t place) {
    return &disk->ends[(uint64_t)place * 11400714819323198485u >> (64 - BLOCKIF_ENDS_BITS)];
}

/* Most requests follow none, so most need not look through the queues. */
static bool blockif_must_wait(struct blockif *disk, const struct blockif_element *element) {
    return element->request->operation != BLOCKIF_FLUSH &&
           *blockif_ends(disk, element->request->offset) > 0 &&
           (blockif_leads(&disk->waiting, element) || blockif_leads(&disk->busy, element));
}

/* The lock puts these in order; BLOCKIF_DONE alone is told without it (work.c). */
static void blockif_become(struct blockif_element *element, int state) {
    atomic_store_explicit(&element->state, state, memory_order_relaxed);
}

void blockif_enqueue(struct blockif *disk, struct blockif_request *request) {
    struct blockif_element *element = disk->spare;
    disk->spare = element->next;
    disk->vacant--;
    request->residual = request->length;
    element->request = request;
    element->worker = NULL;
    atomic_store_explicit(&element->serial, ++disk->serial, memory_order_relaxed);
    element->end = request->operation == BLOCKIF_FLUSH ? blockif_nowhere
                                                       : request->offset + (int64_t)request->length;
    atomic_store_explicit(&element->cancelled, false, memory_order_relaxed);
    bool waits = blockif_must_wait(disk, element);
    ++*blockif_ends(disk, element->end);
    blockif_become(element, waits ? BLOCKIF_BLOCKED : BLOCKIF_PENDING);
    *(waits ? &disk->blocked : &disk->runnable) += 1;
    blockif_append(&disk->waiting, element);
}

struct blockif_element *blockif_take(struct blockif_worker *worker) {
    struct blockif *disk = worker->disk;
    if (disk->runnable == 0)
        return NULL;
    struct blockif_element *element = disk->waiting.first;
    while (atomic_load_explicit(&element->state, memory_order_relaxed) != BLOCKIF_PENDING)
        element = element->next;
    blockif_remove(&disk->waiting, element);
    disk->runnable--;
    element->worker = worker;
    worker->element = element;
    blockif_become(element, BLOCKIF_BUSY);
    blockif_append(&disk->busy, element);
    return element;
}

/* Lets those go on that waited for an element which has just left its queue. */
static void blockif_unblock(struct blockif *disk, int64_t end) {
    if (disk->blocked == 0)
        return;
    for (struct blockif_element *at = disk->waiting.first; at; at = at->next) {
        if (atomic_load(&at->state) != BLOCKIF_BLOCKED || at->request->offset != end ||
            blockif_must_wait(disk, at))
            continue;
        blockif_become(at, BLOCKIF_PENDING);
        disk->blocked--;
        disk->runnable++;
    }
}

void blockif_vacate(struct blockif *disk, struct blockif_queue *queue,
                    struct blockif_element *element) {
    blockif_remove(queue, element);
    --*blockif_ends(disk, element->end);
    blockif_become(element, BLOCKIF_FREE);
    element->request = NULL;
    element->worker = NULL;
    blockif_put_by(disk, element);
    disk->vacant++;
    blockif_unblock(disk, element->end);
}

void blockif_call_worker(struct blockif *disk) {
    struct blockif_worker *worker = disk->idle;
    disk->idle = worker->next_idle;
    worker->awake = true;
    (void)pthread_cond_signal(&worker->called);
}

void blockif_wake(struct blockif *disk) {
    if (disk->runnable > 0 && disk->idle && !disk->waking && !disk->lingering) {
        disk->waking = true;
        blockif_call_worker(disk);
    }
}
