# SPDX-License-Identifier: BSD-2-Clause
"""What changed between two results files, told apart from noise.

For each outcome of each case, Fisher's exact test asks whether the two shares could be one; Holm's
procedure holds the chance of a single false alarm in the whole comparison below ALPHA, counting
(after Tarone) only tests that could have raised one at all. Where several outcomes are expected,
which of them comes how often is the scheduler's business and no two runs agree on it: that a share
moved is then told, but is no change. Nor is the order of watcher and target, or a latency.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from attrs import frozen

from reports.expectations import Expected, expectations_for, release_of
from reports.schema import Case, Results
from reports.shares import share_text

ALPHA = 0.001
# Beyond so many trials the normal approximation is as good, and the sum too long.
_EXACT_MAX = 10**7


@frozen
class Change:
    """One difference; `counts` as a change if it makes the comparison fail."""

    case_id: str
    words: str
    counts: bool
    p: float | None = None


@frozen
class Comparison:
    """What changed, what moved without being a change, and how much was compared."""

    old: str
    new: str
    compared: int
    changes: tuple[Change, ...]

    @property
    def changed(self) -> bool:
        """Whether the platform answers differently: exit status 1."""
        return any(change.counts for change in self.changes)

    def text(self) -> str:
        """Return the comparison as lines of text."""
        same = "the same platform" if self.old == self.new else f"{self.old} against {self.new}"
        lines = [f"{self.compared:,} cases compared, {same}"]
        for title, counts in (("changed", True), ("no change, but worth knowing", False)):
            found = [change for change in self.changes if change.counts is counts]
            lines += ["", f"{title}: {len(found) or 'nothing'}"]
            lines += [f"  {change.case_id}: {change.words}{_p_text(change.p)}" for change in found]
        return "\n".join(lines) + "\n"


def _p_text(p: float | None) -> str:
    return "" if p is None else f" (p {'< 1e-12' if p < 1e-12 else f'= {p:.2g}'})"


@frozen
class _Test:
    """One 2 × 2 table: an outcome or sighting in the old and in the new run."""

    case_id: str
    name: str
    old: tuple[int, int]
    new: tuple[int, int]
    expected: bool  # among several outcomes that are all expected

    @property
    def p(self) -> float:
        return fisher(*self.old, *self.new)

    @property
    def least_p(self) -> float:
        """The smallest p that a table of these margins can show."""
        hits = self.old[0] + self.new[0]
        old, new = sum(self.old), sum(self.new)
        ends = (min(hits, old), max(0, hits - new))
        return min(fisher(x, old - x, hits - x, new - hits + x) for x in ends)

    def words(self) -> str:
        before, after = (share_text(k, k + rest) for k, rest in (self.old, self.new))
        return f"{self.name} {before} before, {after} now"


def compare(old: Results, new: Results) -> Comparison:
    """Compare two results files, of one platform or of two."""
    before = {case.id: case for case in old.cases}
    after = {case.id: case for case in new.cases}
    both = [id for id in sorted(before) if id in after]
    expectations = expectations_for(new.platform)
    release = release_of(new.platform.release)
    changes: list[Change] = []
    tests: list[_Test] = []
    for id in both:
        change = _of_status(before[id], after[id])
        if change:
            changes.append(change)
        elif before[id].status == "measured":
            expected = expectations.expect(id, release) if expectations else Expected()
            tests += _tests(before[id], after[id], expected)
    changes += _significant(tests)
    changes += [Change(id, "only in the old file", False) for id in before if id not in after]
    changes += [Change(id, "only in the new file", False) for id in after if id not in before]
    changes.sort(key=lambda change: (change.case_id, change.words))
    return Comparison(old.platform.id, new.platform.id, len(both), tuple(changes))


def _of_status(old: Case, new: Case) -> Change | None:
    if old.definition and new.definition and old.definition != new.definition:
        return Change(new.id, "measured by another definition of the case: not compared", False)
    if old.status != new.status:
        reason = new.reason or old.reason or "no reason was given"
        return Change(new.id, f"{old.status} before, {new.status} now ({reason})", True)
    if old.traced or new.traced:
        return Change(new.id, "a tracer was attached: not compared", False)
    return None


def _tests(old: Case, new: Case, expected: Expected) -> Iterator[_Test]:
    """Yield a table for each outcome and for the sightings; ambiguous trials speak for none."""
    several = expected.outcomes if len(expected.outcomes) > 1 else frozenset()
    ambiguous = (old.outcomes.get("ambiguous", 0), new.outcomes.get("ambiguous", 0))
    totals = (old.trials - ambiguous[0], new.trials - ambiguous[1])
    if all(totals):
        for name in sorted({*old.outcomes, *new.outcomes} - {"ambiguous"}):
            hits = (old.outcomes.get(name, 0), new.outcomes.get(name, 0))
            tables = [(hit, total - hit) for hit, total in zip(hits, totals, strict=True)]
            yield _Test(new.id, name, tables[0], tables[1], name in several)
    seen = [(case.sightings.seen, case.sightings.missed) for case in (old, new)]
    if all(sum(pair) for pair in seen):
        either = expected.sighting is not None and expected.sighting.sightings == "either"
        yield _Test(new.id, "seen by the watcher", seen[0], seen[1], either)


def _significant(tests: Iterable[_Test]) -> Iterator[Change]:
    """Yield the changes that Holm's procedure admits, and what is new but may be chance."""
    distinct = list(_unmirrored(tests))
    able = [test for test in distinct if test.least_p <= ALPHA]
    ranked = sorted(((test.p, test) for test in able), key=lambda pair: pair[0])
    holds = [p <= ALPHA / (len(ranked) - place) for place, (p, _) in enumerate(ranked)]
    admitted = ranked[: (holds + [False]).index(False)]
    for p, test in admitted:
        words = f"{test.words()}: within what is expected" if test.expected else test.words()
        yield Change(test.case_id, words, not test.expected, p)
    for test in set(distinct) - {test for _, test in admitted}:
        if test.new[0] and not test.old[0] and not test.expected:
            yield Change(test.case_id, f"{test.words()}: may be chance", False, test.p)


def _unmirrored(tests: Iterable[_Test]) -> Iterator[_Test]:
    """Leave out the second of two tables that say the same: this outcome, and all others."""
    told: set[tuple[str, tuple[int, int], tuple[int, int]]] = set()
    for test in sorted(tests, key=lambda test: bool(test.old[0])):
        if (test.case_id, test.old[::-1], test.new[::-1]) not in told:
            told.add((test.case_id, test.old, test.new))
            yield test


def fisher(a: int, b: int, c: int, d: int) -> float:
    """Return the two-sided p of Fisher's exact test for the table [[a, b], [c, d]]."""
    first, second, hits = a + b, c + d, a + c
    if not (first and second and hits and b + d):
        return 1.0
    if first + second > _EXACT_MAX:
        return _normal(a / first, c / second, first, second)

    def log_p(x: int) -> float:
        return _log_choose(first, x) + _log_choose(second, hits - x) - scale

    scale = _log_choose(first + second, hits)
    limit = log_p(a) + 1e-7  # room for rounding: tables as likely as this one count too
    mode = (first + 1) * (hits + 1) // (first + second + 2)
    left = range(max(0, hits - second), mode + 1)
    right = range(min(first, hits), mode, -1)
    tails = (side[: bisect_right(side, limit, key=log_p)] for side in (left, right))
    return min(1.0, sum(_sum_tail(log_p, tail) for tail in tails))


def _sum_tail(log_p: Callable[[int], float], tail: range) -> float:
    """Add up from the likeliest table outwards, until what is left cannot show."""
    total = 0.0
    for x in reversed(tail):
        part = math.exp(log_p(x))
        total += part
        if part <= 1e-17 * total:
            break
    return total


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _normal(p: float, q: float, m: int, n: int) -> float:
    pooled = (p * m + q * n) / (m + n)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / m + 1 / n))
    return math.erfc(abs(p - q) / spread / math.sqrt(2)) if spread else 1.0
