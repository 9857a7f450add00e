/* SPDX-License-Identifier: BSD-2-Clause */
/* The device "file": a regular file or a block device, read and written in place.
 *
 * Its sleeps are not interruptible on any kernel here when the file lies on a local disk (semantics
 * C): a kick then only waits. A file on FUSE or NFS may be another matter. */
#include "../inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif
#if defined(__APPLE__) || defined(__FreeBSD__)
#if __has_include(<sys/disk.h>) /* a cross compiler's headers may lack it */
#include <sys/disk.h>
#endif
#endif

enum {
    DEVICE_FILE_BOUNCE = 128 * 1024, /* bytes moved at once through aligned memory */
    DEVICE_FILE_ALIGN = 512          /* memory alignment that direct I/O asks for, at least */
};

struct device_file {
    struct blockif_device device;
    int fd;
};

static struct device_file *device_file_of(struct blockif_worker *worker) {
    return (struct device_file *)worker->disk->device;
}

/* ------------------------------------------------------------------ reading and writing */

static struct blockif_call device_file_call(struct blockif_worker *worker,
                                            enum blockif_call_kind kind, const struct iovec *pieces,
                                            int count, int64_t offset) {
    return (struct blockif_call){.kind = kind,
                                 .fd = device_file_of(worker)->fd,
                                 .pieces = pieces,
                                 .count = count,
                                 .offset = offset};
}

/* Whether every piece can be handed to the device as it lies in memory. */
static bool device_file_aligned(const struct blockif_worker *worker, const struct iovec *pieces,
                                int count) {
    size_t partial = worker->bounce ? (size_t)worker->disk->device->sector - 1 : 0;
    size_t bits = 0;
    for (int i = 0; i < count; i++)
        bits |= (size_t)pieces[i].iov_base | pieces[i].iov_len;
    return (bits & partial) == 0;
}

/* The pieces as one stretch of bounce memory, as much of them as fits. */
static struct iovec device_file_stretch(const struct blockif_worker *worker,
                                        const struct iovec *pieces, int count) {
    struct iovec stretch = {.iov_base = worker->bounce, .iov_len = 0};
    for (int i = 0; i < count; i++)
        stretch.iov_len += pieces[i].iov_len;
    if (stretch.iov_len > DEVICE_FILE_BOUNCE)
        stretch.iov_len = DEVICE_FILE_BOUNCE;
    return stretch;
}

static void device_file_scatter(const char *from, const struct iovec *pieces, size_t bytes) {
    for (; bytes > 0; pieces++) {
        size_t part = pieces->iov_len < bytes ? pieces->iov_len : bytes;
        memcpy(pieces->iov_base, from, part);
        from += part;
        bytes -= part;
    }
}

static void device_file_gather(char *to, const struct iovec *pieces, size_t bytes) {
    for (; bytes > 0; pieces++) {
        size_t part = pieces->iov_len < bytes ? pieces->iov_len : bytes;
        memcpy(to, pieces->iov_base, part);
        to += part;
        bytes -= part;
    }
}

static long device_file_read(struct blockif_worker *worker, const struct iovec *pieces, int count,
                             int64_t offset) {
    if (device_file_aligned(worker, pieces, count)) {
        struct blockif_call call = device_file_call(worker, BLOCKIF_PREADV, pieces, count, offset);
        return blockif_enter(worker, &call);
    }
    struct iovec stretch = device_file_stretch(worker, pieces, count);
    struct blockif_call call = device_file_call(worker, BLOCKIF_PREADV, &stretch, 1, offset);
    long moved = blockif_enter(worker, &call);
    if (moved > 0)
        device_file_scatter(worker->bounce, pieces, (size_t)moved);
    return moved;
}

static long device_file_write(struct blockif_worker *worker, const struct iovec *pieces, int count,
                              int64_t offset) {
    if (device_file_aligned(worker, pieces, count)) {
        struct blockif_call call = device_file_call(worker, BLOCKIF_PWRITEV, pieces, count, offset);
        return blockif_enter(worker, &call);
    }
    struct iovec stretch = device_file_stretch(worker, pieces, count);
    device_file_gather(worker->bounce, pieces, stretch.iov_len);
    struct blockif_call call = device_file_call(worker, BLOCKIF_PWRITEV, &stretch, 1, offset);
    return blockif_enter(worker, &call);
}

static long device_file_flush(struct blockif_worker *worker) {
    struct blockif_call call = device_file_call(worker, BLOCKIF_FSYNC, NULL, 0, 0);
    return blockif_enter(worker, &call);
}

/* ------------------------------------------------------------------ deleting */

static _Alignas(4096) const char device_file_zeros[64 * 1024];

static long device_file_zero(struct blockif_worker *worker, int64_t offset, uint64_t length) {
    size_t part = length < sizeof device_file_zeros ? (size_t)length : sizeof device_file_zeros;
    struct iovec zeros = {.iov_base = (void *)(size_t)device_file_zeros, .iov_len = part};
    struct blockif_call call = device_file_call(worker, BLOCKIF_PWRITEV, &zeros, 1, offset);
    return blockif_enter(worker, &call);
}

/* A hole where the system can make one, else zeros: what is read back is the same. */
static long device_file_discard(struct blockif_worker *worker, int64_t offset, uint64_t length) {
    struct blockif_call call = device_file_call(worker, BLOCKIF_PUNCH, NULL, 0, offset);
    call.length = length;
    if (blockif_enter(worker, &call) == 0)
        return (long)length;
    bool unable = errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODEV || errno == ENOTTY;
    return unable ? device_file_zero(worker, offset, length) : -1;
}

/* ------------------------------------------------------------------ opening */

static void device_file_close(struct blockif_device *device) {
    (void)close(((struct device_file *)device)->fd);
    free(device);
}

static const struct blockif_medium device_file_medium = {.read = device_file_read,
                                                         .write = device_file_write,
                                                         .flush = device_file_flush,
                                                         .discard = device_file_discard,
                                                         .close = device_file_close};

static int device_file_flags(const struct blockif_options *options) {
    int flags = O_CLOEXEC | (options->read_only ? O_RDONLY : O_RDWR);
    if (options->sync)
        flags |= O_SYNC;
#ifdef O_DIRECT
    if (options->direct)
        flags |= O_DIRECT;
#endif
    return flags | O_NONBLOCK; /* a FIFO is refused, not waited for */
}

/* Size and sectors of a block device; those of a file are known from stat. */
static int device_file_measure(struct device_file *file) {
    struct blockif_device *device = &file->device;
#if defined(__linux__)
    int sector = 0;
    unsigned physical = 0;
    if (ioctl(file->fd, BLKGETSIZE64, &device->size) || ioctl(file->fd, BLKSSZGET, &sector) ||
        ioctl(file->fd, BLKPBSZGET, &physical))
        return errno;
    device->sector = sector;
    device->physical = (int32_t)physical;
#elif defined(DKIOCGETBLOCKCOUNT)
    uint32_t sector = 0;
    uint64_t sectors = 0;
    if (ioctl(file->fd, DKIOCGETBLOCKSIZE, &sector) ||
        ioctl(file->fd, DKIOCGETBLOCKCOUNT, &sectors))
        return errno;
    device->sector = device->physical = (int32_t)sector;
    device->size = sectors * sector;
#elif defined(DIOCGMEDIASIZE)
    u_int sector = 0;
    off_t size = 0;
    if (ioctl(file->fd, DIOCGSECTORSIZE, &sector) || ioctl(file->fd, DIOCGMEDIASIZE, &size))
        return errno;
    device->sector = device->physical = (int32_t)sector;
    device->size = (uint64_t)size;
#else
    off_t size = lseek(file->fd, 0, SEEK_END);
    if (size < 0)
        return errno;
    device->size = (uint64_t)size;
#endif
    return 0;
}

static int device_file_kind(struct device_file *file) {
    struct stat status;
    if (fstat(file->fd, &status))
        return errno;
    file->device.sector = 512;
    file->device.physical =
        S_ISREG(status.st_mode) && status.st_blksize >= 512 ? (int32_t)status.st_blksize : 512;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    if (S_ISREG(status.st_mode))
        file->device.size = (uint64_t)status.st_size;
    else if (!(S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode)) || device_file_measure(file))
        return EINVAL;
    return file->device.size > 0 ? 0 : EINVAL;
}

static int device_file_adopt(struct device_file *file, const struct blockif_options *options) {
    struct blockif_device *device = &file->device;
    int failed = device_file_kind(file);
    if (failed)
        return failed;
    if (options->sector)
        device->sector = options->sector;
    if (options->physical)
        device->physical = options->physical;
    if (device->physical < device->sector)
        device->physical = device->sector;
#ifdef F_NOCACHE
    if (options->direct && fcntl(file->fd, F_NOCACHE, 1) < 0)
        return errno;
#endif
    device->medium = &device_file_medium;
    device->read_only = options->read_only;
    device->can_delete = !options->read_only && !options->no_delete;
    device->whole_sectors = options->direct;
    device->bounce = options->direct ? DEVICE_FILE_BOUNCE : 0;
    bool ragged = options->direct && device->size % (uint64_t)device->sector != 0;
    return ragged ? EINVAL : 0;
}

int device_file_open(struct blockif_device **out, const char *path,
                     const struct blockif_options *options) {
    struct device_file *file = calloc(1, sizeof *file);
    if (!file)
        return ENOMEM;
    file->fd = open(path, device_file_flags(options));
    int failed = file->fd < 0 ? errno : device_file_adopt(file, options);
    if (failed) {
        if (file->fd >= 0)
            (void)close(file->fd);
        free(file);
        return failed;
    }
    *out = &file->device;
    return 0;
}
