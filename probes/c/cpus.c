/* SPDX-License-Identifier: BSD-2-Clause */
/* Processors: how many there are to use, and how to keep two threads on different ones. */
#include "engine.h"

#include <sched.h>
#include <unistd.h>
#ifdef __FreeBSD__
#include <sys/cpuset.h>
#include <sys/param.h>
#endif

#if defined(__linux__)
typedef cpu_set_t cpus_set;
static int cpus_get(cpus_set *set) {
    return sched_getaffinity(0, sizeof *set, set);
}
static int cpus_put(const cpus_set *set) {
    return sched_setaffinity(0, sizeof *set, set);
}
#elif defined(__FreeBSD__)
/* cpuset(2), cpuset_getaffinity(2): -1 with CPU_WHICH_TID is the calling thread. */
typedef cpuset_t cpus_set;
static int cpus_get(cpus_set *set) {
    return cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof *set, set);
}
static int cpus_put(const cpus_set *set) {
    return cpuset_setaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof *set, set);
}
#endif

#if defined(__linux__) || defined(__FreeBSD__)
unsigned sp_cpus(void) {
    cpus_set set;
    CPU_ZERO(&set);
    return cpus_get(&set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

void sp_pin(unsigned rank) {
    cpus_set allowed, one;
    CPU_ZERO(&allowed);
    CPU_ZERO(&one);
    if (cpus_get(&allowed) != 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && rank-- == 0) {
            CPU_SET(cpu, &one);
            (void)cpus_put(&one);
            return;
        }
}
#else
unsigned sp_cpus(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

/* No binding of threads to processors that this platform documents for everyone. */
void sp_pin(unsigned rank) {
    (void)rank;
}
#endif

#if defined(__linux__) || (defined(__FreeBSD_version) && __FreeBSD_version >= 1301000)
int sp_cpu(void) {
    return sched_getcpu();
}
#else
int sp_cpu(void) {
    return -1;
}
#endif
