/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to send the tested signal. */
#include "engine.h"

#include <errno.h>
#include <unistd.h>
#ifdef __FreeBSD__
#include <sys/param.h>
#endif

static int senders_pthread_kill(const struct sp_aim *aim) {
    return pthread_kill(aim->thread, aim->signal);
}

static int senders_kill(const struct sp_aim *aim) {
    return kill(getpid(), aim->signal) == 0 ? 0 : errno;
}

static int senders_raise(const struct sp_aim *aim) {
    return raise(aim->signal) == 0 ? 0 : errno;
}

static const struct sp_sender senders_list[] = {
    {"pthread_kill", "pthread_kill(target): thread-directed", true, false, senders_pthread_kill},
    {"kill", "kill(getpid()): process-directed", false, false, senders_kill},
    {"raise", "raise() by the target itself, before the call", true, true, senders_raise},
};

enum { SENDERS = sizeof senders_list / sizeof senders_list[0] };
static struct sp_entry senders_entries[SENDERS];

__attribute__((constructor)) static void senders_register(void) {
    for (int i = 0; i < SENDERS; i++) {
        senders_entries[i].name = senders_list[i].name;
        senders_entries[i].purpose = senders_list[i].purpose;
        senders_entries[i].table = &senders_list[i];
        sp_add(SP_KIND_SENDER, &senders_entries[i]);
    }
}

/* OpenBSD has no sigqueue at all, macOS declares none (their <signal.h>). */
#if defined(__OpenBSD__) || defined(__APPLE__)
SP_ABSENT(SP_KIND_SENDER, senders_sigqueue, "sigqueue", "sigqueue(getpid()): process-directed",
          "no sigqueue in <signal.h>");
#else
static int senders_sigqueue_send(const struct sp_aim *aim) {
    union sigval value = {.sival_int = aim->signal};
    return sigqueue(getpid(), aim->signal, value) == 0 ? 0 : errno;
}
static const struct sp_sender senders_sigqueue = {
    "sigqueue", "sigqueue(getpid()): process-directed, with a value", false, false,
    senders_sigqueue_send};
SP_SENDER(senders_sigqueue);
#endif

/* glibc's pthread_sigqueue is rt_tgsigqueueinfo (its manual page); the call itself also serves a
 * libc that has no such function (musl). It needs the kernel's number of the thread, which only the
 * thread knows: the wrapper is used where there is one. FreeBSD 15.0 has one, 14.3 had not. */
#if defined(__GLIBC__) || (defined(__FreeBSD_version) && __FreeBSD_version >= 1500000)
static int senders_pthread_sigqueue_send(const struct sp_aim *aim) {
    union sigval value = {.sival_int = aim->signal};
    return pthread_sigqueue(aim->thread, aim->signal, value);
}
static const struct sp_sender senders_pthread_sigqueue = {
    "pthread_sigqueue", "pthread_sigqueue(target): thread-directed, with a value", true, false,
    senders_pthread_sigqueue_send};
SP_SENDER(senders_pthread_sigqueue);
#else
SP_ABSENT(SP_KIND_SENDER, senders_pthread_sigqueue, "pthread_sigqueue",
          "pthread_sigqueue(target): thread-directed, with a value",
          "this C library has no pthread_sigqueue (glibc has, and FreeBSD since 15)");
#endif
