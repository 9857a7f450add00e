# SPDX-License-Identifier: BSD-2-Clause
"""Every verdict comes from the evidence it is meant for, and from no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import READ, a_case, cases, some_results

from reports.expectations import Bug, Entry, Expected, load_expectations
from reports.schema import OUTCOMES, Case, Sightings
from reports.shares import bound, interval, percent, share_text
from reports.verdicts import VERDICTS, fails, judge, judge_all

BUG = Bug("https://bugs.example/1", frozenset({"interrupted"}))


def an_entry(*outcomes: str, sightings: str | None = None, bug: Bug | None = None) -> Entry:
    return Entry(
        platform="some",
        number=1,
        forms=({"call": ("*",)},),
        outcomes=frozenset(outcomes),
        sightings=sightings,
        source="a file, a function",
        confidence="R",
        note=None,
        since=None,
        until=None,
        bug=bug,
    )


def expecting(*outcomes: str, sightings: str | None = None, bug: Bug | None = None) -> Expected:
    entry = an_entry(*outcomes, sightings=sightings, bug=bug)
    return Expected(entry if outcomes else None, entry if sightings else None)


@pytest.mark.parametrize(
    ("outcomes", "expected", "verdict"),
    [
        ({"undisturbed": 9}, expecting("undisturbed"), "conforms"),
        ({"undisturbed": 9, "ambiguous": 1}, expecting("undisturbed"), "conforms"),
        ({"undisturbed": 9, "lost": 1}, expecting("undisturbed", "lost"), "conforms"),
        ({"interrupted": 9}, expecting("undisturbed"), "deviates"),
        ({"undisturbed": 999, "interrupted": 1}, expecting("undisturbed"), "varies"),
        ({"hung": 3}, expecting("undisturbed"), "deviates"),
        ({"hung": 3}, expecting("hung"), "conforms"),
        ({"interrupted": 9}, expecting("restarted", bug=BUG), "known"),
        ({"interrupted": 1, "restarted": 8}, expecting("restarted", bug=BUG), "known"),
        ({"restarted": 9}, expecting("restarted", bug=BUG), "fixed"),
        ({"restarted": 8, "hung": 1}, expecting("restarted", bug=BUG), "varies"),
        ({"interrupted": 8, "hung": 1}, expecting("restarted", bug=BUG), "deviates"),
        ({"undisturbed": 9}, Expected(), "unpredicted"),
        ({"undisturbed": 4, "ambiguous": 5}, expecting("undisturbed"), "inconclusive"),
    ],
)
def test_outcomes_are_held_against_the_expectation(
    outcomes: dict[str, int], expected: Expected, verdict: str
) -> None:
    judgement = judge(a_case(READ, "d", **outcomes), expected)
    assert judgement.verdict == verdict, judgement.reason
    if expected.outcome and expected.outcome.bug and verdict in ("known", "fixed"):
        assert BUG.address in judgement.reason


@pytest.mark.parametrize(
    ("seen", "missed", "sightings", "verdict"),
    [
        (9, 0, "seen", "conforms"),
        (0, 9, "missed", "conforms"),
        (8, 1, "seen", "varies"),
        (0, 9, "seen", "deviates"),
        (9, 0, "missed", "deviates"),
        (0, 0, "seen", "inconclusive"),
        (5, 4, "either", "conforms"),
    ],
)
def test_sightings_are_held_against_the_expectation(
    seen: int, missed: int, sightings: str, verdict: str
) -> None:
    case = a_case(READ, "d", undisturbed=9)
    case.sightings = Sightings(seen=seen, missed=missed)
    assert judge(case, expecting("undisturbed", sightings=sightings)).verdict == verdict


def test_a_half_that_says_nothing_takes_nothing_away() -> None:
    case = a_case(READ, "d", undisturbed=9)
    case.sightings = Sightings(seen=9)
    assert judge(case, expecting(sightings="seen")).verdict == "conforms"
    assert judge(case, expecting("lost", sightings="seen")).verdict == "deviates"


def test_too_few_trials_that_reached_the_situation_prove_nothing() -> None:
    case = a_case(READ, "d", undisturbed=100)
    case.reached = 49
    judgement = judge(case, expecting("undisturbed"))
    assert judgement.verdict == "inconclusive" and "49 of 100" in judgement.reason
    case.reached = 50
    assert judge(case, expecting("undisturbed")).verdict == "conforms"


def test_a_sweep_may_leave_most_of_its_trials_open() -> None:
    case = a_case(READ.replace("asleep", "sweep"), "d", lost=2, ambiguous=8)
    assert judge(case, expecting("lost")).verdict == "conforms"


def test_no_trial_a_tracer_and_an_error_are_inconclusive() -> None:
    traced = a_case(READ, "d", undisturbed=9)
    traced.traced = True
    empty = Case.blank(READ, "d", "measured")
    error = Case.blank(READ, "d", "error", "no memory")
    for case in (traced, empty, error):
        assert judge(case, expecting("undisturbed")).verdict == "inconclusive"
    assert "no memory" in judge(error, Expected()).reason


def test_an_unsupported_case_gives_its_gate() -> None:
    case = Case.blank(READ, "d", "unsupported", "no kqueue")
    judgement = judge(case, expecting("undisturbed"), gate="no kqueue")
    assert (judgement.verdict, judgement.reason) == ("unsupported", "no kqueue")
    assert judgement.stale_gate is None


def test_a_gate_is_stale_when_the_case_ran_in_spite_of_it() -> None:
    judgement = judge(a_case(), expecting("undisturbed"), gate="no such call")
    assert judgement.verdict == "conforms"
    assert judgement.stale_gate == "no such call" and "gate is stale" in judgement.reason


def test_what_makes_a_run_fail() -> None:
    def failing(expected: Expected, **outcomes: int) -> bool:
        case = a_case(READ, "d", **outcomes)
        return fails(case, judge(case, expected))

    assert not failing(expecting("undisturbed"), undisturbed=9)
    assert not failing(Expected(), undisturbed=9)
    assert not failing(expecting("restarted", bug=BUG), interrupted=9)
    assert not failing(expecting("hung"), hung=9)
    assert failing(Expected(), hung=1, undisturbed=8)
    assert failing(expecting("restarted", bug=BUG), restarted=9)
    assert failing(expecting("undisturbed"), interrupted=9)


def test_a_results_file_is_judged_by_its_platform_and_release() -> None:
    mail = some_results(a_case(READ, "d", undisturbed=9), platform="freebsd-12.1-amd64-libc")
    mail.cases[0].sightings = Sightings(missed=9)
    [judgement] = judge_all(mail, load_expectations("freebsd")).values()
    assert judgement.verdict == "deviates" and "expected: seen" in judgement.reason
    [unjudged] = judge_all(mail, None).values()
    assert unjudged.verdict == "unpredicted"


@given(cases(READ), st.sets(st.sampled_from(OUTCOMES)), st.sampled_from(["seen", "missed", None]))
def test_whatever_was_measured_gets_a_verdict_and_a_reason(
    case: Case, outcomes: set[str], sightings: str | None
) -> None:
    judgement = judge(case, expecting(*outcomes, sightings=sightings))
    assert judgement.verdict in VERDICTS and judgement.reason


@pytest.mark.parametrize(
    ("count", "trials", "text"),
    [
        (0, 100_000, "0 of 100,000; < 0.003 %"),
        (100_000, 100_000, "100,000 of 100,000; > 99.997 %"),
        (7, 10, "7 of 10; 70 %"),
        (1, 3, "1 of 3; 33 %"),
        (999_999, 1_000_000, "999,999 of 1,000,000; 99.9999 %"),
        (1, 1_000_000, "1 of 1,000,000; 0.0001 %"),
        (0, 0, "0 of 0"),
        (0, 2, "0 of 2"),
        (10, 10, "10 of 10; > 70 %"),
    ],
)
def test_a_share_comes_with_its_bound(count: int, trials: int, text: str) -> None:
    assert share_text(count, trials) == text


@given(st.integers(1, 10**12), st.data())
def test_an_interval_holds_the_share(trials: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, trials))
    low, high = interval(count, trials)
    assert 0 <= low <= count / trials <= high <= 1
    assert percent(count / trials).endswith(" %")


def test_the_bound_is_the_rule_of_three() -> None:
    assert bound(3000) == 0.001 and bound(1) == 1 and bound(0) == 1
