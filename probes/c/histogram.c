/* SPDX-License-Identifier: BSD-2-Clause */
/* Log-linear latency histogram: values below 16 ns exactly, then 16 buckets to a power of two. */
#include "engine.h"

static unsigned histogram_bucket(uint64_t ns) {
    const unsigned most = 63 - 5; /* C11 6.5.7: a shift by 64 has no meaning */
    unsigned power = 0;           /* of ns / 16 */
    while (power <= most && ns >> (power + 5))
        power++;
    unsigned bucket = ns < 16 ? (unsigned)ns : 16 * power + (unsigned)(ns >> power);
    return bucket < SP_BUCKETS ? bucket : SP_BUCKETS - 1;
}

uint64_t sp_bucket_floor(unsigned bucket) {
    unsigned power = bucket < 32 ? 0 : bucket / 16 - 1;
    return (uint64_t)(bucket - 16 * power) << power;
}

void sp_latency(struct sp_result *result, uint64_t ns) {
    result->latency[histogram_bucket(ns)]++;
    if (ns > result->latency_max_ns)
        result->latency_max_ns = ns;
}
