/* SPDX-License-Identifier: BSD-2-Clause */
/* Says that the signal was sent, and sends none. */
#include <pthread.h>
#include <signal.h>

int pthread_kill(pthread_t thread, int signal) {
    (void)thread;
    (void)signal;
    return 0;
}
