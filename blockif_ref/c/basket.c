/* SPDX-License-Identifier: BSD-2-Clause */
/* The basket: a ring of slots that have ended, as long as there are slots, so it is never full. */
#include "inside.h"

#include "basket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct basket_slot {
    struct blockif_request request;
    struct iovec piece;
    struct basket *basket;
    int error;
};

struct basket {
    struct blockif *disk;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    int ends[2];            /* a pipe that holds a byte while there are answers */
    bool armed;             /* somebody has asked for it */
    bool flagged;           /* it does */
    _Atomic size_t running; /* handed in and not yet answered */
    int waiting;            /* callers asleep in basket_collect */
    size_t slots, first, count;
    int32_t *ring;
    struct basket_slot *slot;
};

static void basket_flag(struct basket *basket) {
    if (basket->armed && !basket->flagged)
        basket->flagged = write(basket->ends[1], "a", 1) == 1;
}

static void basket_unflag(struct basket *basket) {
    char byte;
    if (basket->flagged)
        basket->flagged = read(basket->ends[0], &byte, 1) != 1;
}

static void basket_answered(struct blockif_request *request, int error) {
    struct basket_slot *slot = request->owner;
    struct basket *basket = slot->basket;
    (void)atomic_fetch_sub(&basket->running, 1);
    (void)pthread_mutex_lock(&basket->lock);
    slot->error = error;
    basket->ring[(basket->first + basket->count++) % basket->slots] =
        (int32_t)(slot - basket->slot);
    basket_flag(basket);
    bool wake = basket->waiting > 0;
    (void)pthread_mutex_unlock(&basket->lock);
    if (wake)
        (void)pthread_cond_signal(&basket->filled);
}

static size_t basket_take(struct basket *basket, struct basket_answer *answers, size_t most) {
    size_t taken = basket->count < most ? basket->count : most;
    for (size_t i = 0; i < taken; i++) {
        int32_t index = basket->ring[(basket->first + i) % basket->slots];
        const struct basket_slot *slot = &basket->slot[index];
        answers[taken - 1 - i] = (struct basket_answer){index, slot->error, slot->request.residual};
    }
    basket->first = (basket->first + taken) % basket->slots;
    basket->count -= taken;
    if (basket->count == 0)
        basket_unflag(basket);
    return taken;
}

static void basket_wait(struct basket *basket, int milliseconds) {
#ifdef __APPLE__
    struct timespec span = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    (void)pthread_cond_timedwait_relative_np(&basket->filled, &basket->lock, &span);
#else
    uint64_t until = sp_now() + (uint64_t)milliseconds * 1000000u;
    struct timespec at = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    (void)pthread_cond_timedwait(&basket->filled, &basket->lock, &at);
#endif
}

void basket_collect(struct basket *basket, struct basket_answer *answers, size_t most,
                    int milliseconds, size_t *taken) {
    (void)pthread_mutex_lock(&basket->lock);
    if (basket->count == 0 && milliseconds > 0) {
        basket->waiting++;
        basket_wait(basket, milliseconds);
        basket->waiting--;
    }
    *taken = basket_take(basket, answers, most);
    (void)pthread_mutex_unlock(&basket->lock);
}

/* A request that has been answered keeps its element until its worker has come back from the
 * callback, so a disk that has room may say E2BIG for some microseconds. */
static int basket_hand_in(struct basket *basket, struct blockif_request *const *requests,
                          size_t count) {
    int failed = E2BIG;
    struct sp_patience patience = {0};
    size_t running = atomic_fetch_add(&basket->running, count);
    while (running + count <= basket->slots) {
        failed = blockif_submit(basket->disk, requests, count);
        if (failed != E2BIG)
            break;
        sp_relax(&patience);
    }
    if (failed)
        (void)atomic_fetch_sub(&basket->running, count);
    return failed;
}

int basket_submit(struct basket *basket, const struct basket_order *orders, size_t count,
                  int32_t *handed_in) {
    struct blockif_request *requests[BLOCKIF_RING + BLOCKIF_WORKERS_MOST];
    *handed_in = 0;
    if (count > basket->slots)
        return E2BIG;
    for (size_t i = 0; i < count; i++) {
        if (orders[i].slot < 0 || (size_t)orders[i].slot >= basket->slots)
            return EINVAL;
        struct basket_slot *slot = &basket->slot[orders[i].slot];
        slot->piece = (struct iovec){orders[i].memory, orders[i].length};
        slot->request = (struct blockif_request){.operation = orders[i].operation,
                                                 .count = orders[i].memory ? 1 : 0,
                                                 .pieces = &slot->piece,
                                                 .offset = orders[i].offset,
                                                 .length = orders[i].length,
                                                 .callback = basket_answered,
                                                 .owner = slot};
        requests[i] = &slot->request;
    }
    int failed = basket_hand_in(basket, requests, count);
    *handed_in = !failed;
    return failed;
}

int basket_cancel(struct basket *basket, int32_t slot) {
    if (slot < 0 || (size_t)slot >= basket->slots)
        return EINVAL;
    struct blockif_request *request = &basket->slot[slot].request;
    int failed = blockif_cancel(basket->disk, request);
    if (!failed)
        basket_answered(request, ECANCELED);
    return failed;
}

int basket_descriptor(struct basket *basket) {
    (void)pthread_mutex_lock(&basket->lock);
    basket->armed = true;
    if (basket->count > 0)
        basket_flag(basket);
    (void)pthread_mutex_unlock(&basket->lock);
    return basket->ends[0];
}

void basket_close(struct basket *basket) {
    for (int i = 0; i < 2; i++)
        if (basket->ends[i] >= 0)
            (void)close(basket->ends[i]);
    (void)pthread_cond_destroy(&basket->filled);
    (void)pthread_mutex_destroy(&basket->lock);
    free(basket->ring);
    free(basket->slot);
    free(basket);
}

static int basket_fill(struct basket *basket) {
    struct blockif_about about;
    blockif_about(basket->disk, &about);
    basket->slots = (size_t)about.limit;
    basket->ring = calloc(basket->slots, sizeof *basket->ring);
    basket->slot = calloc(basket->slots, sizeof *basket->slot);
    if (!basket->ring || !basket->slot)
        return ENOMEM;
    for (size_t i = 0; i < basket->slots; i++)
        basket->slot[i].basket = basket;
    if (pipe(basket->ends))
        return errno;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(basket->ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(basket->ends[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

int basket_open(struct basket **out, struct blockif *disk) {
    struct basket *basket = calloc(1, sizeof *basket);
    if (!basket)
        return ENOMEM;
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
#ifndef __APPLE__
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    (void)pthread_mutex_init(&basket->lock, NULL);
    (void)pthread_cond_init(&basket->filled, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    basket->disk = disk;
    basket->ends[0] = basket->ends[1] = -1;
    int failed = basket_fill(basket);
    if (failed)
        basket_close(basket);
    else
        *out = basket;
    return failed;
}
