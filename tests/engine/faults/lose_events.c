/* SPDX-License-Identifier: BSD-2-Clause */
/* A signalfd that loses every tenth SIGUSR1: whoever reads is given the rest. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOST = 10, DESCRIPTORS = 1024 };

static _Atomic bool lossy[DESCRIPTORS];

int signalfd(int fd, const sigset_t *mask, int flags) {
    enum { KERNEL_MASK_BYTES = 8 };
    int opened = (int)syscall(SYS_signalfd4, fd, mask, KERNEL_MASK_BYTES, flags);
    if (opened >= 0 && opened < DESCRIPTORS)
        lossy[opened] = true;
    return opened;
}

static bool to_lose(const struct signalfd_siginfo *event) {
    static _Atomic int seen;
    return event->ssi_signo == SIGUSR1 && atomic_fetch_add(&seen, 1) % LOST == LOST - 1;
}

static ssize_t without_lost(struct signalfd_siginfo *events, ssize_t size) {
    ssize_t kept = 0;
    for (ssize_t i = 0; i < size / (ssize_t)sizeof *events; i++)
        if (!to_lose(&events[i]))
            events[kept++] = events[i];
    return kept * (ssize_t)sizeof *events;
}

ssize_t read(int fd, void *out, size_t size) {
    ssize_t got;
    do {
        got = syscall(SYS_read, fd, out, size);
        if (got <= 0 || fd >= DESCRIPTORS || !lossy[fd])
            return got;
        got = without_lost(out, got);
    } while (got == 0);
    return got;
}
