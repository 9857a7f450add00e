/* SPDX-License-Identifier: BSD-2-Clause */
/* Cancel: a waiting request is taken back; for a running one the kick gets its worker out of the
 * call, and the end of the request wakes the canceller, whatever became of the kick. */
#include "queue.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

enum { BLOCKIF_YIELDS = 20 }; /* before the first timer */

bool blockif_busy(const struct blockif_cancel *cancel) {
    return cancel->element->serial == cancel->serial &&
           atomic_load(&cancel->element->state) == BLOCKIF_BUSY;
}

void blockif_send(struct blockif_cancel *cancel) {
    (void)atomic_fetch_add(&cancel->disk->kicks, 1);
    (void)pthread_kill(cancel->element->worker->thread, cancel->disk->kick->signal);
}

void blockif_await_end(struct blockif_cancel *cancel) {
    while (blockif_busy(cancel))
        (void)pthread_cond_wait(&cancel->disk->changed, &cancel->disk->lock);
}

/* Most kicks work at once, and arming a timer costs more than they take. */
static void blockif_yield(struct blockif_cancel *cancel) {
    (void)pthread_mutex_unlock(&cancel->disk->lock);
    for (int i = 0; i < BLOCKIF_YIELDS && blockif_busy(cancel); i++)
        (void)sched_yield();
    (void)pthread_mutex_lock(&cancel->disk->lock);
}

void blockif_await_end_for(struct blockif_cancel *cancel, uint64_t ns) {
    struct blockif *disk = cancel->disk;
    blockif_yield(cancel);
    if (!blockif_busy(cancel))
        return;
#ifdef __APPLE__
    struct timespec span = {.tv_sec = (time_t)(ns / 1000000000u),
                            .tv_nsec = (long)(ns % 1000000000u)};
    (void)pthread_cond_timedwait_relative_np(&disk->changed, &disk->lock, &span);
#else
    uint64_t until = sp_now() + ns;
    struct timespec at = {.tv_sec = (time_t)(until / 1000000000u),
                          .tv_nsec = (long)(until % 1000000000u)};
    (void)pthread_cond_timedwait(&disk->changed, &disk->lock, &at);
#endif
}

void blockif_await_acknowledgement(struct blockif_cancel *cancel) {
    struct blockif *disk = cancel->disk;
    cancel->acknowledged = false;
    cancel->next = disk->unacknowledged;
    disk->unacknowledged = cancel;
    while (!cancel->acknowledged)
        (void)pthread_cond_wait(&disk->changed, &disk->lock);
}

void blockif_acknowledge(struct blockif *disk) {
    (void)pthread_mutex_lock(&disk->lock);
    for (struct blockif_cancel *at = disk->unacknowledged; at; at = at->next)
        at->acknowledged = true;
    disk->unacknowledged = NULL;
    (void)pthread_cond_broadcast(&disk->changed);
    (void)pthread_mutex_unlock(&disk->lock);
}

static void blockif_take_back(struct blockif *disk, struct blockif_element *element) {
    bool blocked = atomic_load(&element->state) == BLOCKIF_BLOCKED;
    *(blocked ? &disk->blocked : &disk->runnable) -= 1;
    blockif_vacate(disk, &disk->waiting, element);
    blockif_wake(disk);
}

static void blockif_end(struct blockif *disk, struct blockif_element *element) {
    struct blockif_cancel cancel = {.disk = disk, .element = element, .serial = element->serial};
    disk->cancels++;
    atomic_store(&element->cancelled, true);
    if (blockif_busy(&cancel))
        disk->kick->cancel(&cancel);
    disk->cancels--;
    if (disk->closing)
        (void)pthread_cond_broadcast(&disk->changed);
}

int blockif_cancel(struct blockif *disk, const struct blockif_request *request) {
    int result = EINVAL;
    (void)pthread_mutex_lock(&disk->lock);
    struct blockif_element *waiting = blockif_find(&disk->waiting, request);
    struct blockif_element *busy = waiting ? NULL : blockif_find(&disk->busy, request);
    if (waiting) {
        blockif_take_back(disk, waiting);
        result = 0;
    } else if (busy) {
        blockif_end(disk, busy);
        result = EBUSY;
    }
    (void)pthread_mutex_unlock(&disk->lock);
    return result;
}
