# SPDX-License-Identifier: BSD-2-Clause
"""A comparison finds what changed and holds its tongue about noise."""

from __future__ import annotations

import math
import random

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import READ, a_case, matrix, some_results

from reports.compare import compare, fisher
from reports.schema import COUNT_MAX, Case, Results, Sightings

RACE = READ.replace("ignore", "handler").replace("pthread_kill/kqueue", "kill/none")


def one(id: str = READ, **outcomes: int) -> Results:
    return some_results(a_case(id, "d", **outcomes))


def words(old: Results, new: Results) -> list[str]:
    return [change.words for change in compare(old, new).changes if change.counts]


def test_the_same_file_has_not_changed() -> None:
    [results] = matrix(["linux-6.18-x86_64-glibc"], [READ, RACE], seed=2)
    comparison = compare(results, results)
    assert not comparison.changed and comparison.changes == ()


def test_a_changed_answer_is_found_even_in_few_trials() -> None:
    found = compare(one(undisturbed=10), one(interrupted=10))
    assert found.changed
    assert "interrupted 0 of 10; < 30 % before, 10 of 10; > 70 % now" in found.text()


def test_a_new_rare_outcome_is_a_change_once_chance_is_out() -> None:
    assert words(one(undisturbed=1000), one(undisturbed=970, interrupted=30))
    chance = compare(one(undisturbed=1000), one(undisturbed=998, interrupted=2))
    assert not chance.changed and "may be chance" in chance.text()


def test_a_share_that_moves_within_what_is_expected_is_no_change() -> None:
    moved = compare(one(RACE, interrupted=900, elsewhere=100), one(RACE, elsewhere=1000))
    assert not moved.changed and "within what is expected" in moved.text()
    assert words(one(RACE, interrupted=900, elsewhere=100), one(RACE, hung=100))


def test_an_unjudged_case_changes_with_its_shares() -> None:
    unjudged = READ.replace("read-pipe", "read-tape")
    old, new = one(unjudged, lost=500, restarted=500), one(unjudged, lost=800, restarted=200)
    haiku = [evolve(r, platform=evolve(r.platform, os="Haiku")) for r in (old, new)]
    assert words(*haiku)


def test_ambiguous_trials_speak_for_none() -> None:
    assert not words(one(undisturbed=1000), one(undisturbed=600, ambiguous=400))


def test_sightings_are_compared() -> None:
    old, new = one(undisturbed=1000), one(undisturbed=1000)
    old.cases[0].sightings = Sightings(seen=1000)
    new.cases[0].sightings = Sightings(seen=900, missed=100)
    [change] = words(old, new)
    assert change.startswith("seen by the watcher")


def test_a_case_that_can_no_longer_be_run_is_a_change() -> None:
    gated = some_results(Case.blank(READ, "d", "unsupported", "no kqueue"))
    [change] = words(one(), gated)
    assert "no kqueue" in change


def test_what_cannot_be_compared_is_said_and_does_not_count() -> None:
    traced = one(interrupted=1000)
    traced.cases[0].traced = True
    redefined = some_results(a_case(READ, "other", interrupted=1000))
    absent = some_results()
    for other in (traced, redefined, absent):
        comparison = compare(one(undisturbed=1000), other)
        assert not comparison.changed and READ in comparison.text()


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_two_runs_with_the_same_rates_compare_equal(seed: int) -> None:
    draw = random.Random(seed)
    rates = [draw.random() for _ in range(150)]

    def run() -> Results:
        hits = [sum(draw.random() < rate for _ in range(100)) for rate in rates]
        ids = [READ.replace("read-pipe", f"call{i}") for i in range(len(rates))]
        cases = [a_case(id, "d", lost=k, returned=100 - k) for id, k in zip(ids, hits, strict=True)]
        return some_results(*cases)

    assert not compare(run(), run()).changed


def slow_fisher(a: int, b: int, c: int, d: int) -> float:
    def p(x: int) -> float:
        ways = math.comb(a + b, x) * math.comb(c + d, a + c - x)
        return ways / math.comb(a + b + c + d, a + c)

    every = range(max(0, a - d), min(a + b, a + c) + 1)
    return min(1.0, sum(p(x) for x in every if p(x) <= p(a) * (1 + 1e-7)))


@given(*[st.integers(0, 60)] * 4)
def test_fisher_is_the_sum_over_all_tables(a: int, b: int, c: int, d: int) -> None:
    assert math.isclose(fisher(a, b, c, d), slow_fisher(a, b, c, d), rel_tol=1e-6)


@given(*[st.integers(0, COUNT_MAX)] * 4)
def test_fisher_takes_any_counts(a: int, b: int, c: int, d: int) -> None:
    assert 0 <= fisher(a, b, c, d) <= 1


@pytest.mark.parametrize(
    ("table", "p"),
    [((3, 1, 1, 3), 0.4857142857), ((10, 0, 0, 10), 1.0825e-5), ((1, 9, 11, 3), 0.0027594562)],
)
def test_fisher_on_known_tables(table: tuple[int, int, int, int], p: float) -> None:
    assert math.isclose(fisher(*table), p, rel_tol=1e-4)


def test_fisher_meets_the_normal_approximation() -> None:
    exact, near = fisher(2_500_000, 2_499_999, 2_502_000, 2_497_999), 0.2059
    assert math.isclose(exact, near, rel_tol=0.01)
    assert math.isclose(fisher(5_000_000, 5_000_000, 5_004_000, 4_996_000), 0.0736, rel_tol=0.01)
