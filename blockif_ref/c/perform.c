/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls that a worker sleeps in, as each system has them. */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__linux__)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, (off_t)length);
}
#elif defined(__APPLE__) && defined(F_PUNCHHOLE)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    struct fpunchhole hole = {.fp_offset = offset, .fp_length = (off_t)length};
    if (fcntl(fd, F_PUNCHHOLE, &hole) == 0)
        return 0;
    /* fcntl(2): a hole that is not whole blocks of the file system is EINVAL. */
    errno = errno == EINVAL ? EOPNOTSUPP : errno;
    return -1;
}
#elif defined(__FreeBSD__) && defined(SPACECTL_DEALLOC)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    struct spacectl_range range = {.r_offset = offset, .r_len = (off_t)length};
    int failed = 0;
    while (range.r_len > 0 && !failed) /* fspacectl(2): may do a part, and then says what is left */
        failed = fspacectl(fd, SPACECTL_DEALLOC, &range, 0, &range);
    return failed;
}
#elif defined(__NetBSD__)
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    return fdiscard(fd, offset, (off_t)length);
}
#else
static long blockif_punch(int fd, int64_t offset, uint64_t length) {
    (void)fd, (void)offset, (void)length;
    errno = EOPNOTSUPP;
    return -1;
}
#endif

#if defined(__APPLE__) && __ENVIRONMENT_MAC_OS_X_VERSION_MIN_REQUIRED__ < 110000
/* preadv and pwritev came with macOS 11: one piece at a time, the rest as after any short count. */
static ssize_t blockif_preadv(int fd, const struct iovec *pieces, int count, off_t offset) {
    (void)count;
    return pread(fd, pieces->iov_base, pieces->iov_len, offset);
}
static ssize_t blockif_pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
    (void)count;
    return pwrite(fd, pieces->iov_base, pieces->iov_len, offset);
}
#else
#define blockif_preadv preadv
#define blockif_pwritev pwritev
#endif

/* A single piece goes without a list, which the kernel would have to copy in first. */
static long blockif_read(const struct blockif_call *call) {
    const struct iovec *piece = call->pieces;
    return call->count == 1 ? pread(call->fd, piece->iov_base, piece->iov_len, call->offset)
                            : blockif_preadv(call->fd, piece, call->count, call->offset);
}

static long blockif_write(const struct blockif_call *call) {
    const struct iovec *piece = call->pieces;
    return call->count == 1 ? pwrite(call->fd, piece->iov_base, piece->iov_len, call->offset)
                            : blockif_pwritev(call->fd, piece, call->count, call->offset);
}

long blockif_perform(const struct blockif_call *call) {
    switch (call->kind) {
    case BLOCKIF_PREADV:
        return blockif_read(call);
    case BLOCKIF_PWRITEV:
        return blockif_write(call);
    case BLOCKIF_FSYNC:
        return fsync(call->fd);
    case BLOCKIF_PUNCH:
        return blockif_punch(call->fd, call->offset, call->length);
    case BLOCKIF_RECV:
        return recv(call->fd, call->pieces->iov_base, call->pieces->iov_len, 0);
    }
    errno = ENOSYS;
    return -1;
}
