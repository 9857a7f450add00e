/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, order, and waiting without sleeping. */
#include "engine.h"

#include <sched.h>
#include <time.h>

uint64_t sp_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Atomic uint64_t clock_tickets;

uint64_t sp_ticket(void) {
    return atomic_fetch_add(&clock_tickets, 1) + 1;
}

/* Spinning helps only while the awaited thread can run beside this one; 2,000 rounds are some tens
 * of microseconds, longer than a wake-up and shorter than a time slice. */
enum { CLOCK_SPINS = 2000 };

static _Atomic unsigned clock_cpus;

/* Whom this thread waits for cannot run while it spins on the same processor. */
static bool clock_in_the_way(const struct sp_patience *patience, unsigned cpus) {
    if (cpus == 1)
        return true;
    int cpu = patience->awaited_cpu ? sp_cpu() : -1;
    return cpu >= 0 && cpu == atomic_load_explicit(patience->awaited_cpu, memory_order_relaxed);
}

void sp_relax(struct sp_patience *patience) {
    unsigned cpus = atomic_load_explicit(&clock_cpus, memory_order_relaxed);
    if (!cpus) {
        cpus = sp_cpus();
        atomic_store_explicit(&clock_cpus, cpus, memory_order_relaxed);
    }
    patience->spins++;
    if (patience->spins > CLOCK_SPINS || clock_in_the_way(patience, cpus))
        (void)sched_yield();
#if defined(__x86_64__) || defined(__i386__)
    else
        __builtin_ia32_pause();
#endif
}
