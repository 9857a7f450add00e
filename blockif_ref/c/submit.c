/* SPDX-License-Identifier: BSD-2-Clause */
/* Submit: what is no proper request is refused before anything is done. */
#include "queue.h"

#include <errno.h>

static bool blockif_adds_up(const struct blockif_request *request) {
    uint64_t sum = 0;
    if (request->count < 1 || request->count > BLOCKIF_PIECES)
        return false;
    for (int i = 0; i < request->count; i++)
        sum += request->pieces[i].iov_len;
    return sum == request->length;
}

static bool blockif_whole(const struct blockif_device *device,
                          const struct blockif_request *request) {
    uint64_t partial = (uint64_t)device->sector - 1;
    return !device->whole_sectors || (((uint64_t)request->offset | request->length) & partial) == 0;
}

static int blockif_check(const struct blockif_device *device,
                         const struct blockif_request *request) {
    if (request->operation < BLOCKIF_READ || request->operation > BLOCKIF_DELETE ||
        !request->callback)
        return EINVAL;
    if (request->operation == BLOCKIF_FLUSH)
        return request->length || request->count ? EINVAL : 0;
    if (request->operation != BLOCKIF_READ && device->read_only)
        return EROFS;
    if (request->operation == BLOCKIF_DELETE && !device->can_delete)
        return EOPNOTSUPP;
    if (request->offset < 0 || request->length == 0 || request->length > device->size ||
        (uint64_t)request->offset > device->size - request->length ||
        !blockif_whole(device, request))
        return EINVAL;
    return request->operation == BLOCKIF_DELETE || blockif_adds_up(request) ? 0 : EINVAL;
}

int blockif_submit(struct blockif *disk, struct blockif_request *const *requests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int failed = blockif_check(disk->device, requests[i]);
        if (failed)
            return failed;
    }
    blockif_lock(disk);
    int failed = disk->closing ? EBADF : count > (size_t)disk->vacant ? E2BIG : 0;
    for (size_t i = 0; !failed && i < count; i++)
        blockif_enqueue(disk, requests[i]);
    blockif_wake(disk);
    (void)pthread_mutex_unlock(&disk->lock);
    return failed;
}
