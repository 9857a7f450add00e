/* SPDX-License-Identifier: BSD-2-Clause */
/* Loses every seventh SIGUSR1 that is sent to a thread. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { LOST = 7 };

int pthread_kill(pthread_t thread, int signal) {
    static _Atomic int sent;
    static int (*real)(pthread_t, int);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_kill");
    if (signal == SIGUSR1 && atomic_fetch_add(&sent, 1) % LOST == LOST - 1)
        return 0;
    return real(thread, signal);
}
