/* SPDX-License-Identifier: BSD-2-Clause */
/* The block layer: a fixed number of workers take requests from a queue and sleep in their system
 * calls; cancel takes a waiting request back, or has the kick get a running one out of its call.
 * Here a disk is opened and closed; queue.c, work.c, submit.c and cancel.c have the rest.
 *
 * The protocol is the one that bhyve's usr.sbin/bhyve/block_if.c shows its callers. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static void blockif_free(struct blockif *disk) {
    for (int i = 0; disk->worker && i < disk->workers; i++) {
        free(disk->worker[i].bounce);
        (void)pthread_cond_destroy(&disk->worker[i].called);
    }
    free(disk->worker);
    free(disk->elements);
    (void)pthread_cond_destroy(&disk->changed);
    (void)pthread_mutex_destroy(&disk->lock);
    free(disk);
}

static struct blockif *blockif_allocate(const struct blockif_device *device, int workers) {
    struct blockif *disk = calloc(1, sizeof *disk);
    if (!disk)
        return NULL;
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
#ifndef __APPLE__
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    (void)pthread_mutex_init(&disk->lock, NULL);
    (void)pthread_cond_init(&disk->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    disk->workers = workers;
    disk->vacant = BLOCKIF_RING + workers;
    disk->worker = calloc((size_t)workers, sizeof *disk->worker);
    disk->elements = calloc((size_t)disk->vacant, sizeof *disk->elements);
    bool lacks = !disk->worker || !disk->elements;
    for (int i = 0; disk->worker && i < workers; i++) {
        disk->worker[i].disk = disk;
        disk->worker[i].index = i;
        (void)pthread_cond_init(&disk->worker[i].called, NULL);
        if (device->bounce)
            lacks |= posix_memalign(&disk->worker[i].bounce, 4096, device->bounce) != 0;
    }
    for (int i = 0; !lacks && i < disk->vacant; i++)
        blockif_put_by(disk, &disk->elements[i]);
    if (lacks)
        blockif_free(disk);
    return lacks ? NULL : disk;
}

static void blockif_join(struct blockif *disk, int created) {
    (void)pthread_mutex_lock(&disk->lock);
    disk->closing = true;
    while (disk->idle)
        blockif_call_worker(disk);
    (void)pthread_mutex_unlock(&disk->lock);
    for (int i = 0; i < created; i++)
        (void)pthread_join(disk->worker[i].thread, NULL);
}

static int blockif_start(struct blockif *disk) {
    int failed = disk->kick->open ? disk->kick->open(disk) : 0;
    if (failed)
        return failed;
    int created = 0;
    while (!failed && created < disk->workers) {
        failed = blockif_thread(&disk->worker[created].thread, blockif_work, &disk->worker[created],
                                disk->watch);
        created += !failed;
    }
    (void)pthread_mutex_lock(&disk->lock);
    while (disk->started < created)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
    failed = failed ? failed : disk->failed;
    (void)pthread_mutex_unlock(&disk->lock);
    if (!failed)
        return 0;
    blockif_join(disk, created);
    if (disk->kick->close)
        disk->kick->close(disk);
    return failed;
}

static int blockif_check_options(const struct blockif_options *options) {
    static const struct blockif_options plain;
    const struct blockif_options *o = options ? options : &plain;
    bool bad =
        o->workers < 0 || o->workers > BLOCKIF_WORKERS_MOST || o->sector < 0 || o->physical < 0;
    bad |= o->sector && (o->sector < 512 || (o->sector & (o->sector - 1)));
    bad |= o->physical &&
           (o->physical < 512 || (o->physical & (o->physical - 1)) || o->physical < o->sector);
    if (bad)
        return EINVAL;
    return sp_find(SP_KIND_KICK, o->kick ? o->kick : "handler-retry", NULL) ? 0 : ENOSYS;
}

int blockif_open_device(struct blockif **out, struct blockif_device *device,
                        const struct blockif_options *options, struct blockif_watch *watch) {
    const char *kick = options && options->kick ? options->kick : "handler-retry";
    int workers = options && options->workers ? options->workers : BLOCKIF_WORKERS;
    int failed = blockif_check_options(options);
    struct blockif *disk = failed ? NULL : blockif_allocate(device, workers);
    if (!failed && !disk)
        failed = ENOMEM;
    if (!failed) {
        disk->device = device;
        disk->kick = sp_find(SP_KIND_KICK, kick, NULL);
        disk->watch = watch;
        failed = blockif_start(disk);
    }
    if (failed) {
        device->medium->close(device);
        if (disk)
            blockif_free(disk);
        return failed;
    }
    *out = disk;
    return 0;
}

int blockif_open(struct blockif **disk, const char *path, const struct blockif_options *options) {
    static const struct blockif_options plain;
    struct blockif_device *device;
    int failed = blockif_check_options(options);
    if (!failed)
        failed = device_file_open(&device, path, options ? options : &plain);
    return failed ? failed : blockif_open_device(disk, device, options, NULL);
}

int blockif_close(struct blockif **out) {
    struct blockif *disk = *out;
    if (!disk)
        return EBADF;
    blockif_join(disk, disk->workers);
    (void)pthread_mutex_lock(&disk->lock);
    while (disk->cancels > 0)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
    (void)pthread_mutex_unlock(&disk->lock);
    if (disk->kick->close)
        disk->kick->close(disk);
    disk->device->medium->close(disk->device);
    blockif_free(disk);
    *out = NULL;
    return 0;
}

void blockif_about(const struct blockif *disk, struct blockif_about *about) {
    const struct blockif_device *device = disk->device;
    *about = (struct blockif_about){.size = device->size,
                                    .sector = device->sector,
                                    .physical = device->physical,
                                    .workers = disk->workers,
                                    .limit = BLOCKIF_RING + disk->workers,
                                    .read_only = device->read_only,
                                    .can_delete = device->can_delete};
}

uint64_t blockif_kicks(const struct blockif *disk) {
    return atomic_load(&disk->kicks);
}
