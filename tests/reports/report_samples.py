# SPDX-License-Identifier: BSD-2-Clause
"""Made-up results for the tests: seeded, so the same call gives the same numbers.

Nothing here was measured on a machine.
"""

from __future__ import annotations

import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from reports.schema import (
    METHODS,
    OUTCOMES,
    STATUSES,
    Case,
    Handler,
    Latency,
    Platform,
    Results,
    Run,
    Sightings,
    SweepStep,
    ThreadState,
    bucket,
)

# No verdict by clock in the tests either.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

READ = "read-pipe/SIGCONT/ignore/open/pthread_kill/kqueue/asleep"


def a_platform(id: str = "linux-6.18-x86_64-glibc", **changes: object) -> Platform:
    fields: dict[str, object] = {
        "id": id,
        "os": id.partition("-")[0].capitalize(),
        "release": "1.0",
        "machine": "x86_64",
        "libc": "libc",
        "compiler": "cc 1",
        "cpus": 2,
        "threadstate": ThreadState(reader="some-reader", level="call"),
    }
    return Platform(**{**fields, **changes})  # type: ignore[arg-type]


def a_run(**changes: object) -> Run:
    fields: dict[str, object] = {
        "tool": "0.1.0",
        "started": "2026-01-02T03:04:05Z",
        "seconds": 1.5,
        "seed": 1,
        "python": "3.11.7",
    }
    return Run(**{**fields, **changes})  # type: ignore[arg-type]


def a_case(id: str = READ, definition: str = "d1", **outcomes: int) -> Case:
    case = Case.blank(id, definition, "measured")
    case.outcomes = outcomes or {"undisturbed": 1000}
    case.trials = case.reached = sum(case.outcomes.values())
    return case


def some_results(*cases: Case, platform: str = "linux-6.18-x86_64-glibc") -> Results:
    return Results(platform=a_platform(platform), run=a_run(), cases=list(cases))


def matrix(platforms: list[str], ids: list[str], seed: int) -> list[Results]:
    """One results file a platform; outcomes, gates and latencies drawn from the seed."""
    draw = random.Random(seed)
    return [some_results(*(drawn_case(draw, id) for id in ids), platform=p) for p in platforms]


def drawn_case(draw: random.Random, id: str) -> Case:
    if draw.random() < 0.05:
        return Case.blank(id, "d1", "unsupported", "this kernel has no such call")
    names = draw.sample(OUTCOMES[:6], 1 + (draw.random() < 0.1))
    case = a_case(id, "d1", **{name: draw.randint(1, 1000) for name in names})
    lows = [bucket(draw.randint(1_000, 90_000)) for _ in range(30)]
    case.latency_ns = Latency.of(dict.fromkeys(lows, 3), max(lows))
    case.sightings = Sightings(seen=case.trials, missed=0, watcher_first=2, target_first=1)
    return case


counts = st.integers(0, 2**40)
words = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=",;"), max_size=9)
outcome_counts = st.dictionaries(st.sampled_from(OUTCOMES), counts, max_size=4)
seconds = st.integers(0, 10**9).map(lambda us: us / 10**6)
latencies = st.builds(Latency.of, st.dictionaries(counts.map(bucket), counts, max_size=5), counts)
sweeps = st.dictionaries(st.integers(-(10**6), 10**6), outcome_counts, max_size=4).map(
    lambda steps: [SweepStep(offset, steps[offset]) for offset in sorted(steps)]
)
maybe_words = st.none() | words


@st.composite
def cases(draw: st.DrawFn, id: str) -> Case:
    outcomes = draw(outcome_counts)
    trials = sum(outcomes.values())
    return Case(
        id=id,
        status=draw(st.sampled_from([s for s in STATUSES if s != "unsupported" or not trials])),
        reason=draw(maybe_words),
        trials=trials,
        outcomes=outcomes,
        sightings=Sightings(*draw(st.tuples(counts, counts, counts, counts))),
        handler=Handler(*draw(st.tuples(counts, counts, counts))),
        method=draw(st.sampled_from(METHODS)),
        reached=draw(st.integers(0, trials)),
        late=draw(st.integers(0, trials)),
        definition="d1",
        latency_ns=draw(latencies),
        seconds=draw(seconds),
        sweep=draw(st.none() | sweeps),
        kicks=draw(st.none() | counts),
        traced=draw(st.booleans()),
        note=draw(maybe_words),
    )


@st.composite
def results(draw: st.DrawFn) -> Results:
    ids = [READ.replace("read-pipe", name) for name in ("read-pipe", "poll", "nanosleep")]
    chosen = draw(st.lists(st.sampled_from(ids), unique=True))
    python = draw(st.none() | st.sampled_from(["3.10.1", "3.12.0"]))
    run = a_run(seconds=draw(seconds), seed=draw(st.none() | st.integers(0, 3)), python=python)
    platform = a_platform(version=draw(words), cpus=draw(st.integers(1, 9)))
    return Results(platform=platform, run=run, cases=[draw(cases(id)) for id in chosen])
