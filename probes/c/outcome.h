/* SPDX-License-Identifier: BSD-2-Clause */
/* From the evidence of one trial to its outcome. */
#ifndef SIGPROBE_OUTCOME_H
#define SIGPROBE_OUTCOME_H

#include <stdbool.h>

#include "sigprobe.h"

/* How the target's call ended. */
enum sp_end {
    SP_END_EINTR,    /* failed with EINTR, and the rescue handler had not run */
    SP_END_SUCCESS,  /* succeeded, with something else than the release gives */
    SP_END_RELEASED, /* ended as the release makes it end */
    SP_END_OTHER     /* failed with another errno */
};

struct sp_evidence {
    int stopped;          /* the parent saw the whole process stopped */
    int asleep_when_sent; /* the kernel showed the target asleep in the call before the send */
    int ended_early;      /* the call had ended by itself before the send */
    int unsent;           /* the send failed */
    int before_release;   /* the call ended before anything was done to release it */
    int end;              /* enum sp_end */
    int runs_at_entry;    /* handler runs in the target before it entered the call */
    int runs_inside;      /* handler runs in the target from entry to rest, or to the call's end */
    int runs_after_rest;  /* handler runs in the target between rest and the call's end */
    int runs_elsewhere;   /* handler runs in other threads */
    int waited_too_short; /* method settled: the release took more than its share of the wait */
    int taken_elsewhere;  /* another thread's call took the signal (sigwait in the bystander) */
};

/* Pure: the same evidence gives the same outcome. */
enum sp_outcome sp_judge(const struct sp_evidence *evidence);

#endif
