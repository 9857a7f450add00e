# SPDX-License-Identifier: BSD-2-Clause
"""Looks over the hand-written expectations: what is unreachable, contradictory or unsourced.

The cases are handed in, because this room knows no more of a case than its id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from reports.expectations import (
    PORT_AXES,
    PROBE_AXES,
    Entry,
    Expectations,
    Release,
    accepts,
    case_values,
)

# A source says where to look: a file, a page with its section, a clause, or an observation.
_SOURCE = re.compile(r"\w.{9,}")


def lint(expectations: Expectations, case_ids: Iterable[str]) -> list[str]:
    """Return one line a problem; an empty list means all is well."""
    ids = list(case_ids)
    values = {axis: set[str]() for axis in (*PROBE_AXES, *PORT_AXES)}
    for id in ids:
        parts = case_values(id)
        for axis, value in zip(_axes(parts), parts, strict=True):
            values[axis].add(value)
    problems = [
        f"{entry.name}: {words}"
        for entry in expectations.entries
        for words in (*_of_itself(entry), *_of_globs(entry, values))
    ]
    return problems + list(_of_cases(expectations, ids))


def _axes(parts: list[str]) -> tuple[str, ...]:
    return PROBE_AXES if len(parts) == len(PROBE_AXES) else PORT_AXES


def _of_itself(entry: Entry) -> Iterator[str]:
    if not _SOURCE.fullmatch(entry.source):
        yield "its source is too short: a file and function, a page or a clause, and what it says"
    if entry.since and entry.until and entry.since >= entry.until:
        yield "its range of releases is empty"
    if entry.bug and not re.fullmatch(r"https://[^\s]+", entry.bug.address):
        yield "its bug has no address"
    if entry.bug and entry.bug.outcomes <= entry.outcomes:
        yield "its bug shows nothing that is not allowed"
    if entry.bug and not entry.outcomes:
        yield "has a bug but no outcomes"


def _of_globs(entry: Entry, values: dict[str, set[str]]) -> Iterator[str]:
    written = {(axis, g) for form in entry.forms for axis, globs in form.items() for g in globs}
    for axis, glob in sorted(written):
        if not any(accepts((glob.removeprefix("!"),), value) for value in values[axis]):
            yield f"{axis} {glob!r} matches none"


def _of_cases(expectations: Expectations, ids: list[str]) -> Iterator[str]:
    matched: set[Entry] = set()
    used: set[Entry] = set()
    clashes: set[tuple[Entry, Entry]] = set()
    for id in ids:
        about = expectations.about_case(id)
        matched.update(about)
        clashes.update((a, b) for a, b in combinations(about, 2) if _contradict(a, b))
        for release in _releases(about):
            expected = expectations.expect(id, release)
            used.update(e for e in (expected.outcome, expected.sighting) if e)
    for entry in expectations.entries:
        if entry not in matched:
            yield f"{entry.name}: matches no case"
        elif entry not in used:
            yield f"{entry.name}: is never used, others say all of it first"
    for a, b in sorted(clashes, key=lambda pair: (pair[0].number, pair[1].number)):
        yield f"{a.name} and {b.number} contradict each other"


def _contradict(a: Entry, b: Entry) -> bool:
    if not _overlap(a, b):
        return False
    outcomes = bool(a.outcomes and b.outcomes) and (a.outcomes, a.bug) != (b.outcomes, b.bug)
    sightings = bool(a.sightings and b.sightings) and a.sightings != b.sightings
    return outcomes or sightings


def _overlap(a: Entry, b: Entry) -> bool:
    return (a.until is None or (b.since or ()) < a.until) and (
        b.until is None or (a.since or ()) < b.until
    )


def _releases(about: list[Entry]) -> set[Release | None]:
    """Return releases that between them tell all the entries' ranges apart."""
    bounds = {bound for entry in about for bound in (entry.since, entry.until) if bound}
    return {None, (0,), *bounds}
