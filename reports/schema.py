# SPDX-License-Identifier: BSD-2-Clause
"""The results file: typed, versioned, mergeable. This is the door that other rooms use.

Types are in records, reading and writing in files, addition in merging.
"""

from reports.files import dumps, load, loads, save, write_whole
from reports.merging import merge, merge_cases, merge_latency
from reports.records import (
    COUNT_MAX,
    LEVELS,
    METHODS,
    OUTCOMES,
    SCHEMA,
    STATUSES,
    Case,
    Fault,
    Handler,
    Latency,
    Platform,
    Results,
    Run,
    Sightings,
    SweepStep,
    ThreadState,
    bucket,
    matches,
    printable,
)

__all__ = [
    "COUNT_MAX",
    "LEVELS",
    "METHODS",
    "OUTCOMES",
    "SCHEMA",
    "STATUSES",
    "Case",
    "Fault",
    "Handler",
    "Latency",
    "Platform",
    "Results",
    "Run",
    "Sightings",
    "SweepStep",
    "ThreadState",
    "bucket",
    "dumps",
    "load",
    "loads",
    "matches",
    "merge",
    "merge_cases",
    "merge_latency",
    "printable",
    "save",
    "write_whole",
]
