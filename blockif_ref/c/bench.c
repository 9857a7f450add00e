/* SPDX-License-Identifier: BSD-2-Clause */
/* The benchmark's inner loops, in C so that what is timed is the block layer. */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct bench_slot {
    struct blockif_request request;
    struct iovec piece;
    struct bench_state *state;
    struct bench_slot *next; /* in the list of those that have ended */
};

struct bench_state {
    const struct bench_job *job;
    struct bench_slot *slots;
    char *memory;
    uint64_t places; /* offsets to choose from */
    uint64_t next, seed, begun, ended, errors;
    pthread_mutex_t lock;
    pthread_cond_t some;
    bool called; /* the sleeping submitter has been */
    /* A stack, pushed by workers and taken whole by the submitter, or bench_asleep. */
    _Atomic(struct bench_slot *) back;
};

static struct bench_slot bench_asleep; /* the stack is empty and the submitter waits to be called */

/* Touches the state no more once the slot is on the stack, unless the submitter waits for that. */
static void bench_ended(struct blockif_request *request, int error) {
    struct bench_slot *slot = request->owner;
    struct bench_state *state = slot->state;
    if (error)
        request->owner = NULL; /* marks it */
    struct bench_slot *top = atomic_load(&state->back);
    do
        slot->next = top == &bench_asleep ? NULL : top;
    while (!atomic_compare_exchange_weak(&state->back, &top, slot));
    if (top == &bench_asleep) {
        (void)pthread_mutex_lock(&state->lock);
        state->called = true;
        (void)pthread_cond_signal(&state->some);
        (void)pthread_mutex_unlock(&state->lock);
    }
}

static void bench_sleep(struct bench_state *state) {
    (void)pthread_mutex_lock(&state->lock);
    while (!state->called)
        (void)pthread_cond_wait(&state->some, &state->lock);
    state->called = false;
    (void)pthread_mutex_unlock(&state->lock);
}

static struct bench_slot *bench_take(struct bench_state *state) {
    enum { YIELDS = 8 }; /* what others do meanwhile comes back in one batch, and costs no sleep */
    struct bench_slot *taken = atomic_exchange(&state->back, NULL);
    for (int i = 0; !taken && i < YIELDS; i++) {
        (void)sched_yield();
        taken = atomic_exchange(&state->back, NULL);
    }
    if (taken)
        return taken;
    if (atomic_compare_exchange_strong(&state->back, &taken, &bench_asleep))
        bench_sleep(state);
    return atomic_exchange(&state->back, NULL);
}

/* xorshift64* (Vigna 2016): quick, and good enough to scatter offsets. */
static uint64_t bench_random(struct bench_state *state) {
    state->seed ^= state->seed >> 12;
    state->seed ^= state->seed << 25;
    state->seed ^= state->seed >> 27;
    return state->seed * 2685821657736338717u;
}

static struct blockif_request *bench_renew(struct bench_state *state, struct bench_slot *slot) {
    uint64_t place = state->job->random ? bench_random(state) : state->next++;
    slot->request.offset = (int64_t)(place % state->places) * state->job->bytes;
    slot->request.owner = slot;
    state->begun++;
    return &slot->request;
}

static int bench_submit(struct blockif *disk, struct blockif_request *const *requests,
                        size_t count) {
    struct sp_patience patience = {0};
    int failed = count ? blockif_submit(disk, requests, count) : 0;
    while (failed ==
           E2BIG) { /* an element is free only when its worker is back from the callback */
        sp_relax(&patience);
        failed = blockif_submit(disk, requests, count);
    }
    return failed;
}

static int bench_turn(struct bench_state *state, struct blockif *disk) {
    struct blockif_request *batch[BLOCKIF_RING];
    size_t count = 0;
    for (struct bench_slot *slot = bench_take(state), *next; slot; slot = next) {
        next = slot->next;
        state->ended++;
        state->errors += slot->request.owner == NULL;
        if (state->begun < state->job->requests)
            batch[count++] = bench_renew(state, slot);
    }
    return bench_submit(disk, batch, count);
}

static int bench_prepare(struct bench_state *state, struct blockif *disk) {
    const struct bench_job *job = state->job;
    struct blockif_about about;
    blockif_about(disk, &about);
    bool bad = job->depth < 1 || job->depth > BLOCKIF_RING || job->bytes < 512 ||
               (uint64_t)job->bytes > about.size || job->requests < (uint64_t)job->depth;
    if (bad)
        return EINVAL;
    state->places = about.size / (uint64_t)job->bytes;
    state->seed = job->seed | 1;
    state->slots = calloc((size_t)job->depth, sizeof *state->slots);
    void *memory = NULL;
    if (!state->slots ||
        posix_memalign(&memory, 4096, (size_t)job->depth * (size_t)job->bytes) != 0)
        return ENOMEM;
    state->memory = memory;
    memset(memory, 0x5a, (size_t)job->depth * (size_t)job->bytes);
    for (int i = 0; i < job->depth; i++) {
        struct bench_slot *slot = &state->slots[i];
        slot->state = state;
        slot->piece =
            (struct iovec){state->memory + (size_t)i * (size_t)job->bytes, (size_t)job->bytes};
        slot->request = (struct blockif_request){.operation = job->operation,
                                                 .count = 1,
                                                 .pieces = &slot->piece,
                                                 .length = (uint64_t)job->bytes,
                                                 .callback = bench_ended};
    }
    return 0;
}

static int bench_load(struct bench_state *state, struct blockif *disk) {
    struct blockif_request *batch[BLOCKIF_RING];
    for (int i = 0; i < state->job->depth; i++)
        batch[i] = bench_renew(state, &state->slots[i]);
    int failed = bench_submit(disk, batch, (size_t)state->job->depth);
    while (!failed && state->ended < state->job->requests)
        failed = bench_turn(state, disk);
    return failed;
}

int bench_run(struct blockif *disk, const struct bench_job *job, struct bench_load *load) {
    struct bench_state state = {.job = job};
    (void)pthread_mutex_init(&state.lock, NULL);
    (void)pthread_cond_init(&state.some, NULL);
    int failed = bench_prepare(&state, disk);
    uint64_t from = sp_now();
    if (!failed)
        failed = bench_load(&state, disk);
    *load = (struct bench_load){state.ended, sp_now() - from, state.errors};
    (void)pthread_cond_destroy(&state.some);
    (void)pthread_mutex_destroy(&state.lock);
    free(state.memory);
    free(state.slots);
    return failed;
}
