/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads for the benchmark: so many requests kept in flight. */
#ifndef BENCH_H
#define BENCH_H

#include "inside.h"

struct bench_job {
    int32_t operation; /* BLOCKIF_READ or BLOCKIF_WRITE */
    int32_t random;    /* 1: offsets at random, 0: one after the other */
    int32_t depth;     /* requests in flight */
    int32_t bytes;     /* of one request; offsets are multiples of it */
    uint64_t requests; /* in all */
    uint64_t seed;
};

struct bench_load {
    uint64_t requests;
    uint64_t nanoseconds; /* from the first submit to the last callback */
    uint64_t errors;
};

/* Runs a job on a disk: one thread submits what its requests' callbacks gave back, as many at a
 * time as there are, like a guest's driver. 0 or an errno. */
int bench_run(struct blockif *disk, const struct bench_job *job, struct bench_load *load);

#endif
