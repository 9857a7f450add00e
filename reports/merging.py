# SPDX-License-Identifier: BSD-2-Clause
"""Results are merged by addition: associative, commutative, guarded by the definition of a case.

A campaign can be cut anywhere, run on any number of machines of one platform, and put together
again. Numbers of different experiments do not add up: that is a Fault, never a quiet choice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from attrs import asdict, evolve

from reports.records import (
    COUNT_MAX,
    METHODS,
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
)

T = TypeVar("T")
K = TypeVar("K")


def merge(a: Results, b: Results) -> Results:
    """Add two results of one platform, cases sorted by id.

    Raises Fault (status 2) if the platforms or the definitions of a case differ.
    """
    if a.platform.id != b.platform.id:
        raise Fault(f"{a.platform.id} and {b.platform.id} are not one platform: not merged")
    cases = {case.id: case for case in a.cases}
    for case in b.cases:
        cases[case.id] = merge_cases(cases[case.id], case) if case.id in cases else case
    return Results(
        platform=min(a.platform, b.platform, key=_order),
        run=_merge_runs(a.run, b.run),
        cases=sorted(cases.values(), key=lambda case: case.id),
    )


def merge_cases(a: Case, b: Case) -> Case:
    """Add two records of one case; raises Fault (status 2) if their definitions differ."""
    if a.definition and b.definition and a.definition != b.definition:
        raise Fault(f"{a.id}: measured by different definitions of the case: not merged")
    status = min(a.status, b.status, key=STATUSES.index)
    return evolve(
        a,
        status=status,
        reason=_either(_reason(a, status), _reason(b, status), both=_union("; ")),
        trials=_add(a.trials, b.trials),
        outcomes=_add_each(a.outcomes, b.outcomes),
        sightings=_merge_sightings(a.sightings, b.sightings),
        handler=_merge_handlers(a.handler, b.handler),
        method=max(a.method, b.method, key=METHODS.index),
        reached=_add(a.reached, b.reached),
        late=_add(a.late, b.late),
        definition=a.definition or b.definition,
        latency_ns=merge_latency(a.latency_ns, b.latency_ns),
        seconds=_add_seconds(a.seconds, b.seconds),
        sweep=_either(a.sweep, b.sweep, both=_merge_sweeps),
        kicks=_either(a.kicks, b.kicks, both=_add),
        traced=a.traced or b.traced,
        note=_either(a.note, b.note, both=_union("; ")),
    )


def merge_latency(a: Latency, b: Latency) -> Latency:
    """Add two latency histograms."""
    return Latency.of(_add_each(dict(a.buckets), dict(b.buckets)), max(a.max, b.max))


def _reason(case: Case, status: str) -> str | None:
    return case.reason if case.status == status else None


def _merge_sightings(a: Sightings, b: Sightings) -> Sightings:
    return Sightings(
        seen=_add(a.seen, b.seen),
        missed=_add(a.missed, b.missed),
        watcher_first=_add(a.watcher_first, b.watcher_first),
        target_first=_add(a.target_first, b.target_first),
    )


def _merge_handlers(a: Handler, b: Handler) -> Handler:
    return Handler(
        target=_add(a.target, b.target),
        bystander=_add(a.bystander, b.bystander),
        elsewhere=_add(a.elsewhere, b.elsewhere),
    )


def _merge_runs(a: Run, b: Run) -> Run:
    return Run(
        tool=_union(", ")(a.tool, b.tool),
        started=min(a.started, b.started),
        seconds=_add_seconds(a.seconds, b.seconds),
        seed=a.seed if a.seed == b.seed else None,
        python=_either(a.python, b.python, both=_union(", ")),
    )


def _merge_sweeps(a: list[SweepStep], b: list[SweepStep]) -> list[SweepStep]:
    steps: dict[int, dict[str, int]] = {}
    for step in (*a, *b):
        steps[step.offset_ns] = _add_each(steps.get(step.offset_ns, {}), step.outcomes)
    return [SweepStep(offset, steps[offset]) for offset in sorted(steps)]


def _order(platform: Platform) -> str:
    return json.dumps(asdict(platform), sort_keys=True)


def _either(a: T | None, b: T | None, both: Callable[[T, T], T]) -> T | None:
    if a is None or b is None:
        return b if a is None else a
    return both(a, b)


def _union(separator: str) -> Callable[[str, str], str]:
    def join(a: str, b: str) -> str:
        return separator.join(sorted({*a.split(separator), *b.split(separator)}))

    return join


def _add(a: int, b: int) -> int:
    if a + b > COUNT_MAX:
        raise Fault("the counts are too large to be added")
    return a + b


def _add_each(a: Mapping[K, int], b: Mapping[K, int]) -> dict[K, int]:
    return {key: _add(a.get(key, 0), b.get(key, 0)) for key in {**a, **b}}


def _add_seconds(a: float, b: float) -> float:
    # Whole microseconds: a plain sum of floats would not be associative.
    return round(a + b, 6)
