/* SPDX-License-Identifier: BSD-2-Clause */
/* Goes on reading after EINTR, as some libraries do behind their caller's back. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t read(int fd, void *out, size_t size) {
    ssize_t got;
    do
        got = syscall(SYS_read, fd, out, size);
    while (got < 0 && errno == EINTR);
    return got;
}
