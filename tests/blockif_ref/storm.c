/* SPDX-License-Identifier: BSD-2-Clause */
/* A storm for the sanitizers: threads submit groups of sequential requests and cancel some of them,
 * their own and each other's, and every answer is held against what the blocks must hold.
 *
 * storm REQUESTS KICK [PATH]: on a stalled device, or on a file at PATH. Exit 0, or 1 and a line.
 */
#include "inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STORM_THREADS = 3, STORM_GROUP = 4, STORM_BLOCK = 4096, STORM_GROUPS = 8 };

struct storm_entry {
    struct blockif_request request;
    struct iovec piece;
    _Atomic int calls, error, order;
    int answer;
    uint64_t tag;
};

struct storm_thread {
    pthread_t thread;
    int index;
    uint64_t seed, left;
    _Atomic int next_order;
    struct storm_entry entry[STORM_GROUP];
    unsigned char memory[STORM_GROUP][STORM_BLOCK];
    uint64_t block[STORM_GROUPS][STORM_GROUP]; /* the tag that each block is full of */
};

static struct blockif *storm_disk;
static struct storm_thread storm_threads[STORM_THREADS];
static _Atomic uint64_t storm_tag;

static void storm_fail(const char *what, long a, long b) {
    printf("storm: %s (%ld, %ld)\n", what, a, b);
    exit(1);
}

static uint64_t storm_random(struct storm_thread *t) {
    t->seed ^= t->seed << 13;
    t->seed ^= t->seed >> 7;
    t->seed ^= t->seed << 17;
    return t->seed;
}

static void storm_called(struct blockif_request *request, int error) {
    struct storm_entry *entry = request->owner;
    struct storm_thread *t = &storm_threads[0];
    while (entry < t->entry || entry >= t->entry + STORM_GROUP)
        t++;
    entry->order = atomic_fetch_add(&t->next_order, 1);
    atomic_store(&entry->error, error);
    atomic_fetch_add(&entry->calls, 1);
}

static void storm_fill(unsigned char *memory, uint64_t tag, size_t from, size_t to) {
    for (size_t i = from; i < to; i += sizeof tag)
        memcpy(memory + i, &tag, sizeof tag);
}

static void storm_expect(const unsigned char *memory, uint64_t tag, size_t from, size_t to) {
    for (size_t i = from; i < to; i += sizeof tag)
        if (memcmp(memory + i, &tag, sizeof tag) != 0)
            storm_fail("a block holds something else", (long)i, (long)tag);
}

static void storm_await(struct storm_thread *t) {
    struct sp_patience patience = {0};
    for (int i = 0; i < STORM_GROUP; i++)
        while (!atomic_load(&t->entry[i].calls) && t->entry[i].answer != 0)
            sp_relax(&patience);
}

static void storm_submit(struct storm_thread *t, int group, int operation) {
    struct blockif_request *requests[STORM_GROUP];
    struct sp_patience patience = {0};
    atomic_store(&t->next_order, 0);
    for (int i = 0; i < STORM_GROUP; i++) {
        struct storm_entry *entry = &t->entry[i];
        int64_t block = ((int64_t)t->index * STORM_GROUPS + group) * (STORM_GROUP + 1) + i;
        bool data = operation != BLOCKIF_DELETE;
        entry->tag = operation == BLOCKIF_WRITE ? atomic_fetch_add(&storm_tag, 1) + 1 : 0;
        entry->answer = -1;
        atomic_store(&entry->calls, 0);
        storm_fill(t->memory[i], entry->tag, 0, STORM_BLOCK);
        entry->piece = (struct iovec){t->memory[i], STORM_BLOCK};
        entry->request = (struct blockif_request){.operation = operation,
                                                  .count = data,
                                                  .pieces = &entry->piece,
                                                  .offset = block * STORM_BLOCK,
                                                  .length = STORM_BLOCK,
                                                  .callback = storm_called,
                                                  .owner = entry};
        requests[i] = &entry->request;
    }
    int failed = E2BIG;
    while (failed == E2BIG) {
        failed = blockif_submit(storm_disk, requests, STORM_GROUP);
        sp_relax(&patience);
    }
    if (failed)
        storm_fail("submit", failed, operation);
}

static void storm_check_one(struct storm_thread *t, int group, int i, int operation) {
    struct storm_entry *entry = &t->entry[i];
    uint64_t *block = &t->block[group][i];
    int error = atomic_load(&entry->error);
    int answers = atomic_load(&entry->calls) + (entry->answer == 0);
    size_t done = STORM_BLOCK - (size_t)entry->request.residual;
    if (answers != 1)
        storm_fail("not answered exactly once", answers, entry->answer);
    if (entry->answer == 0)
        return;
    if (error != 0 && error != EINTR)
        storm_fail("error", error, operation);
    if (error == 0 && done != STORM_BLOCK)
        storm_fail("success with a residual", (long)done, operation);
    if (error == EINTR && entry->answer != EBUSY && entry->answer != EINVAL)
        storm_fail("interrupted and nobody cancelled it", entry->answer, operation);
    if (operation == BLOCKIF_READ)
        storm_expect(t->memory[i], *block, 0, done);
    else if (done == STORM_BLOCK)
        *block = entry->tag;
    else if (done != 0)
        storm_fail("a block was written in part", (long)done, operation);
}

static void storm_check(struct storm_thread *t, int group, int operation) {
    int last = -1;
    for (int i = 0; i < STORM_GROUP; i++) {
        struct storm_entry *entry = &t->entry[i];
        storm_check_one(t, group, i, operation);
        if (entry->answer == 0) { /* a gap: what follows it is no sequel of what is before */
            last = -1;
            continue;
        }
        int order = atomic_load(&entry->order);
        if (order < last)
            storm_fail("a stream out of order", order, last);
        last = order;
    }
}

static void storm_cancel_some(struct storm_thread *t) {
    struct storm_thread *other = &storm_threads[storm_random(t) % STORM_THREADS];
    int mine = (int)(storm_random(t) % (2 * STORM_GROUP));
    if (mine < STORM_GROUP)
        t->entry[mine].answer = blockif_cancel(storm_disk, &t->entry[mine].request);
    if (other == t) /* a foreign request: nobody knows it, and nothing happens */
        if (blockif_cancel(storm_disk, &(struct blockif_request){.length = 1}) != EINVAL)
            storm_fail("a foreign request was known", 0, 0);
}

static void *storm_run(void *argument) {
    struct storm_thread *t = argument;
    static const int operations[] = {BLOCKIF_READ, BLOCKIF_WRITE, BLOCKIF_WRITE, BLOCKIF_DELETE};
    while (t->left >= STORM_GROUP) {
        int group = (int)(storm_random(t) % STORM_GROUPS);
        int operation = operations[storm_random(t) % 4];
        storm_submit(t, group, operation);
        storm_cancel_some(t);
        storm_await(t);
        storm_check(t, group, operation);
        t->left -= STORM_GROUP;
    }
    return NULL;
}

int main(int argc, char **argv) {
    struct blockif_options options = {.kick = argc > 2 ? argv[2] : NULL, .workers = 4};
    uint64_t requests = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    struct blockif_device *device = NULL;
    int failed = argc > 3 ? blockif_open(&storm_disk, argv[3], &options)
                          : device_stalled_open(&device, 1 << 20, options.workers, NULL);
    if (!failed && device)
        failed = blockif_open_device(&storm_disk, device, &options, NULL);
    if (failed)
        storm_fail("open", failed, 0);
    for (int i = 0; i < STORM_THREADS; i++) {
        storm_threads[i].index = i;
        storm_threads[i].seed = (uint64_t)i + 88172645463325252u;
        storm_threads[i].left = requests / STORM_THREADS;
        (void)pthread_create(&storm_threads[i].thread, NULL, storm_run, &storm_threads[i]);
    }
    for (int i = 0; i < STORM_THREADS; i++)
        (void)pthread_join(storm_threads[i].thread, NULL);
    for (int i = 0; i < STORM_THREADS; i++)
        for (int group = 0; group < STORM_GROUPS; group++) {
            storm_submit(&storm_threads[i], group, BLOCKIF_READ);
            storm_await(&storm_threads[i]);
            storm_check(&storm_threads[i], group, BLOCKIF_READ);
        }
    if (blockif_close(&storm_disk) != 0 || blockif_close(&storm_disk) != EBADF)
        storm_fail("close", 0, 0);
    printf("storm: all is well\n");
    return 0;
}
