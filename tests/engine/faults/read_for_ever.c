/* SPDX-License-Identifier: BSD-2-Clause */
/* After a hundred bytes, a read of one byte never returns again, whatever arrives. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GOOD = 100 };

ssize_t read(int fd, void *out, size_t size) {
    static _Atomic int bytes;
    ssize_t got = syscall(SYS_read, fd, out, size);
    if (size == 1 && got == 1 && atomic_fetch_add(&bytes, 1) >= GOOD)
        for (;;)
            (void)pause();
    return got;
}
