/* SPDX-License-Identifier: BSD-2-Clause */
/* The yardstick of the benchmark: the least that a trial has to do, with nothing around it. A
 * thread blocks in read; once the kernel shows it asleep there a signal is sent and, where a
 * handler is set, its EINTR seen; where the signal is ignored, the thread is seen asleep still and
 * is released by a byte. Usage: bare handler|ignore TRIALS; prints trials per second. Linux only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int ends[2];
static _Atomic long returns;
static _Atomic int thread_id;
static _Atomic long wrong;
static int expect_eintr;

static void handler(int signal) {
    (void)signal;
}

static void *reader(void *unused) {
    char byte;
    atomic_store(&thread_id, (int)syscall(SYS_gettid));
    for (;;) {
        ssize_t got = read(ends[0], &byte, 1);
        if (expect_eintr ? got != -1 || errno != EINTR : got != 1)
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&returns, 1);
    }
    return unused;
}

static int proc(const char *file) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/%s", atomic_load(&thread_id), file);
    return open(path, O_RDONLY);
}

static int asleep(int call, int stat) {
    char text[128];
    ssize_t length = pread(call, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    if (text[0] == 'r' || strtol(text, NULL, 10) != SYS_read)
        return 0;
    length = pread(stat, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    const char *end = strrchr(text, ')');
    return end && end[2] == 'S';
}

static double seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **words) {
    if (count != 3)
        return 2;
    expect_eintr = strcmp(words[1], "handler") == 0;
    long trials = strtol(words[2], NULL, 10);
    struct sigaction action = {.sa_handler = expect_eintr ? handler : SIG_IGN};
    pthread_t thread;
    if (pipe(ends) || sigaction(SIGCONT, &action, NULL) ||
        pthread_create(&thread, NULL, reader, NULL))
        return 1;
    while (!atomic_load(&thread_id))
        continue;
    int call = proc("syscall"), stat = proc("stat");
    double start = seconds();
    for (long trial = 0; trial < trials; trial++) {
        while (!asleep(call, stat))
            continue;
        (void)pthread_kill(thread, SIGCONT);
        if (!expect_eintr) {
            while (!asleep(call, stat))
                continue;
            (void)!write(ends[1], "", 1);
        }
        while (atomic_load(&returns) == trial)
            continue;
    }
    (void)printf("%.0f\n", (double)trials / (seconds() - start));
    return atomic_load(&wrong) != 0;
}
