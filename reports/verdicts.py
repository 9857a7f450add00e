# SPDX-License-Identifier: BSD-2-Clause
"""Results × expectations: one verdict a case, with the reason in a phrase.

A verdict is drawn from what was measured in the situation that the case is about. Trials whose
evidence fits more than one outcome speak for none; where too few are left, or a tracer was
attached, the case is inconclusive: green never means "did nothing".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from reports.expectations import Entry, Expectations, Expected, release_of
from reports.schema import OUTCOMES, Case, Results

VERDICTS = (
    "conforms",
    "deviates",
    "varies",
    "known",
    "fixed",
    "unpredicted",
    "unsupported",
    "inconclusive",
)
# Where the two halves of an expectation get different verdicts, the first of these counts.
_WEIGHT = ("deviates", "varies", "inconclusive", "fixed", "known", "conforms")
FAILING = frozenset(("deviates", "varies", "fixed", "inconclusive"))
# The least share of trials, as one in so many, that must speak: a sweep sends on purpose at moments
# after which a call that restarts leaves no telling whether it had been entered.
_ONE_IN = {"sweep": 10}
_ONE_IN_OTHERS = 2


@frozen
class Judgement:
    """A verdict, why, what was expected, and the gate that the case has proved stale."""

    verdict: str
    reason: str
    expected: Expected
    stale_gate: str | None = None


def judge(case: Case, expected: Expected, gate: str | None = None) -> Judgement:
    """Judge one record; `gate` is why its platform is said to be unable to run it."""
    verdict, reason = _verdict(case, expected)
    stale = gate if case.status == "measured" and case.reached else None
    if stale:
        reason = f"{reason}; its gate is stale ({stale})"
    return Judgement(verdict, reason, expected, stale)


def judge_all(
    results: Results, expectations: Expectations | None, gates: Mapping[str, str] | None = None
) -> dict[str, Judgement]:
    """Judge a results file, case id -> judgement; `gates` maps ids to the reasons for a gate."""
    release = release_of(results.platform.release)
    gates = gates or {}
    return {
        case.id: judge(
            case,
            expectations.expect(case.id, release) if expectations else Expected(),
            gates.get(case.id),
        )
        for case in results.cases
    }


def fails(case: Case, judgement: Judgement) -> bool:
    """Whether the case makes a run fail: not as expected, fixed, inconclusive, or hung unjudged."""
    hung = bool(case.outcomes.get("hung")) and judgement.verdict == "unpredicted"
    return hung or judgement.verdict in FAILING


def _verdict(case: Case, expected: Expected) -> tuple[str, str]:
    if case.status == "unsupported":
        return "unsupported", case.reason or "no reason was given"
    if case.status == "error":
        return "inconclusive", f"it could not be run: {case.reason or 'no reason was given'}"
    if case.traced:
        return "inconclusive", "a tracer was attached: ignored signals are not dropped then"
    weak = _weakness(case)
    if weak:
        return "inconclusive", weak
    halves = [
        half for half in (_of_outcomes(case, expected), _of_sightings(case, expected)) if half
    ]
    if not halves:
        return "unpredicted", f"{_listed(case.outcomes)}: nobody has judged it yet"
    verdict = min((half[0] for half in halves), key=_WEIGHT.index)
    return verdict, "; ".join(reason for given, reason in halves if given == verdict)


def _weakness(case: Case) -> str | None:
    if not case.trials:
        return "no trial was made"
    one_in = _ONE_IN.get(case.id.rpartition("/")[2], _ONE_IN_OTHERS)
    if case.reached * one_in < case.trials:
        return f"only {case.reached:,} of {case.trials:,} trials reached the situation"
    clear = case.trials - case.outcomes.get("ambiguous", 0)
    if clear * one_in < case.trials:
        return f"only {clear:,} of {case.trials:,} trials have an outcome that is not ambiguous"
    return None


def _of_outcomes(case: Case, expected: Expected) -> tuple[str, str] | None:
    entry = expected.outcome
    if entry is None:
        return None
    shown = {name for name, count in case.outcomes.items() if count and name != "ambiguous"}
    unexpected = shown - entry.outcomes
    if entry.bug:
        if unexpected and unexpected <= entry.bug.outcomes:
            return "known", f"{_listed(unexpected)}, as {entry.bug.address} says"
        if not unexpected:
            return "fixed", f"{_listed(shown)}: no longer what {entry.bug.address} says"
    if not unexpected:
        return "conforms", f"{_listed(shown)}, as expected"
    words = f"{_listed(unexpected)} instead of {_listed(entry.outcomes, ' or ')}"
    return ("varies" if shown & entry.outcomes else "deviates"), words


def _of_sightings(case: Case, expected: Expected) -> tuple[str, str] | None:
    entry = expected.sighting
    if entry is None or entry.sightings == "either":
        return None
    wrong, right = case.sightings.missed, case.sightings.seen
    if entry.sightings == "missed":
        wrong, right = right, wrong
    if not wrong + right:
        return "inconclusive", "the watcher did not look in any trial"
    if not wrong:
        return "conforms", f"{entry.sightings} by the watcher, as expected"
    words = f"the watcher {_other(entry)} {wrong:,} of {wrong + right:,}"
    return ("varies" if right else "deviates"), f"{words}, expected: {entry.sightings}"


def _other(entry: Entry) -> str:
    return "missed" if entry.sightings == "seen" else "saw"


def _listed(names: Iterable[str], joint: str = " and ") -> str:
    """Return outcomes in their fixed order, so that the same results give the same words."""
    found = set(names)
    return joint.join(name for name in OUTCOMES if name in found) or "nothing"
