# SPDX-License-Identifier: BSD-2-Clause
"""The types of the results file.

What a file may hold is said once, here: the reader, the writer and the published JSON Schema
(results.schema.json) all follow these types and the marks on them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from attrs import Factory, define, fields, frozen

SCHEMA = "sigprobe-results/1"
COUNT_MAX = 2**63 - 1

OUTCOMES = (
    "interrupted",
    "restarted",
    "undisturbed",
    "lost",
    "returned",
    "elsewhere",
    "killed",
    "stopped",
    "cancelled",
    "completed",
    "waited",
    "ambiguous",
    "hung",
)
# From the strongest to the weakest, as merging keeps the first, and of methods the last.
STATUSES = ("measured", "error", "unsupported")
METHODS = ("observed", "control", "settled")
LEVELS = ("call", "label", "state", "none")


@frozen
class Whole:
    """Marks a whole number from `low` to 2**63 - 1."""

    low: int


@frozen
class Span:
    """Marks a finite number from 0 to `high`, kept to six decimals."""

    high: float


@frozen
class Shape:
    """Marks a string that a pattern describes in full."""

    name: str
    pattern: str


@frozen
class OneOf:
    """Marks a string out of a fixed vocabulary."""

    words: tuple[str, ...]


# No part holds a dot or a slash, so an id cannot name a place in the file system.
_PART = "[A-Za-z0-9_][A-Za-z0-9_+-]{0,63}"
# A first part "blockif" says that four more follow.
_CASE = f"(?:(?!blockif/){_PART}(?:/{_PART}){{6}}|blockif(?:/{_PART}){{4}})"
_PLATFORM = "[A-Za-z0-9]+(?:[._+-][A-Za-z0-9_]+)*"
_TIMESTAMP = (
    "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)Z"
)

Count = Annotated[int, Whole(0)]
Offset = Annotated[int, Whole(-COUNT_MAX)]
Seconds = Annotated[float, Span(1e9)]
CaseId = Annotated[str, Shape("case id", _CASE)]
PlatformId = Annotated[str, Shape("platform id", _PLATFORM)]
Timestamp = Annotated[str, Shape("time like 2026-11-22T09:00:00Z", _TIMESTAMP)]
Outcome = Annotated[str, OneOf(OUTCOMES)]
Status = Annotated[str, OneOf(STATUSES)]
Method = Annotated[str, OneOf(METHODS)]
Level = Annotated[str, OneOf(LEVELS)]
Kqueue = Annotated[str, OneOf(("native", "libkqueue"))]
SchemaName = Annotated[str, OneOf((SCHEMA,))]


class Fault(Exception):
    """Something the user can mend: one line, and the exit status (2 input or usage, 3 machine)."""

    def __init__(self, message: str, status: int = 2) -> None:
        """Keep the message to one printable line."""
        super().__init__(printable(message))
        self.status = status


@functools.lru_cache(maxsize=1 << 18)  # of many platforms the same is asked
def matches(case_id: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a case id fits any of some shell globs."""
    return any(fnmatchcase(case_id, pattern) for pattern in patterns)


def printable(text: str) -> str:
    """Return the text on one line, its control, format and surrogate characters replaced."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


@define(kw_only=True)
class ThreadState:
    """Which reader saw the target asleep, and how much it can tell."""

    reader: str
    level: Level


@define(kw_only=True)
class Platform:
    """The machine that was measured; no name of a host, a person or a folder."""

    id: PlatformId
    os: str
    release: str
    version: str = ""
    machine: str
    libc: str
    compiler: str
    cpus: Count
    emulation: str | None = None
    tracer: str | None = None
    threadstate: ThreadState | None = None
    kqueue: Kqueue | None = None


@define(kw_only=True)
class Run:
    """How it was measured; `python` is null for the kit, `seed` for merged runs that differ."""

    tool: str
    started: Timestamp
    seconds: Seconds
    seed: Count | None
    python: str | None


@define
class Sightings:
    """How often the watcher saw the signal, and who was first in user space; dashes in JSON."""

    seen: Count = 0
    missed: Count = 0
    watcher_first: Count = 0
    target_first: Count = 0


@define
class Handler:
    """In which thread the handler ran, in number of runs."""

    target: Count = 0
    bystander: Count = 0
    elsewhere: Count = 0


@define
class Latency:
    """ns from send to return: sparse ascending [lower bound, count] pairs and what follows."""

    p50: Count = 0
    p99: Count = 0
    max: Count = 0
    buckets: list[tuple[Count, Count]] = Factory(list)

    @classmethod
    def of(cls, buckets: Mapping[int, int], longest: int) -> Latency:
        """Build from lower bound (ns) -> count and the longest one seen (ns)."""
        pairs = [(low, n) for low, n in sorted(buckets.items()) if n]
        return cls(_ranked(pairs, 50), _ranked(pairs, 99), longest, pairs)


@define
class SweepStep:
    """The outcomes at one offset (ns) of the target's entry from the send."""

    offset_ns: Offset
    outcomes: dict[Outcome, Count]


@define(kw_only=True)
class Case:
    """The record of one case; every count merges by addition."""

    id: CaseId
    status: Status
    reason: str | None
    trials: Count
    outcomes: dict[Outcome, Count]
    sightings: Sightings
    handler: Handler
    method: Method
    reached: Count
    late: Count
    definition: str
    latency_ns: Latency
    seconds: Seconds
    sweep: list[SweepStep] | None = None
    kicks: Count | None = None
    traced: bool = False
    note: str | None = None

    @classmethod
    def blank(cls, id: str, definition: str, status: str, reason: str | None = None) -> Case:
        """Return the record of a case without a single trial."""
        return cls(
            id=id,
            status=status,
            reason=reason,
            trials=0,
            outcomes={},
            sightings=Sightings(),
            handler=Handler(),
            method="observed",
            reached=0,
            late=0,
            definition=definition,
            latency_ns=Latency(),
            seconds=0.0,
        )


@define(kw_only=True)
class Results:
    """One results file."""

    schema: SchemaName = SCHEMA
    platform: Platform
    run: Run
    cases: list[Case]


def json_names(kind: type) -> dict[str, str]:
    """Return field -> key in JSON of one of the types above."""
    dash = kind is Sightings
    return {f.name: f.name.replace("_", "-") if dash else f.name for f in fields(kind)}


def required(kind: type) -> frozenset[str]:
    """Return the JSON keys that must be there: all but those whose default says nothing."""
    names = json_names(kind)
    return frozenset(names[f.name] for f in fields(kind) if not _says_nothing(f.default))


def _says_nothing(default: object) -> bool:
    return default is None or default is False or default == ""


@functools.lru_cache(maxsize=4096)
def bucket(ns: int) -> int:
    """Return the lower bound (ns) of the latency bucket that holds ns: 16 to a power of two."""
    shift = max(ns.bit_length() - 5, 0)
    return ns >> shift << shift


def _ranked(buckets: list[tuple[int, int]], percent: int) -> int:
    wanted = percent * sum(n for _, n in buckets)
    for low, n in buckets:
        wanted -= 100 * n
        if wanted <= 0:
            return low
    return 0
