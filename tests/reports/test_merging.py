# SPDX-License-Identifier: BSD-2-Clause
"""Results merge by addition, in any order, and never across two definitions of a case."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from report_samples import READ, a_case, results, some_results

from reports.schema import COUNT_MAX, Case, Fault, Latency, Results, SweepStep, dumps, loads, merge


@given(results(), results())
def test_merging_is_commutative(a: Results, b: Results) -> None:
    assert merge(a, b) == merge(b, a)


@given(results(), results(), results())
def test_merging_is_associative(a: Results, b: Results, c: Results) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(results(), results())
def test_what_is_merged_can_be_written_and_read(a: Results, b: Results) -> None:
    merged = merge(a, b)
    assert loads(dumps(merged).encode(), "x") == merged


def test_counts_add_up_and_the_weaker_method_stays() -> None:
    a, b = a_case(undisturbed=5), a_case(undisturbed=2, interrupted=1)
    b.method = "settled"
    a.latency_ns, b.latency_ns = Latency.of({64: 1}, 70), Latency.of({64: 2, 1024: 9}, 1030)
    a.sweep = [SweepStep(0, {"lost": 1})]
    b.sweep = [SweepStep(-5, {"lost": 2}), SweepStep(0, {"lost": 3})]
    [merged] = merge(some_results(a), some_results(b)).cases
    assert merged.outcomes == {"undisturbed": 7, "interrupted": 1}
    assert (merged.trials, merged.reached, merged.method) == (8, 8, "settled")
    assert merged.latency_ns == Latency(1024, 1024, 1030, [(64, 3), (1024, 9)])
    assert merged.sweep == [SweepStep(-5, {"lost": 2}), SweepStep(0, {"lost": 4})]


def test_a_measurement_outweighs_a_gate() -> None:
    gated = Case.blank(READ, "d1", "unsupported", "no kqueue here")
    [merged] = merge(some_results(gated), some_results(a_case(undisturbed=3))).cases
    assert (merged.status, merged.reason, merged.trials) == ("measured", None, 3)


def test_different_definitions_are_not_added() -> None:
    with pytest.raises(Fault, match=READ):
        merge(some_results(a_case()), some_results(a_case(definition="d2")))


def test_different_platforms_are_not_added() -> None:
    with pytest.raises(Fault, match="not one platform"):
        merge(some_results(), some_results(platform="freebsd-14.1-amd64-libc"))


def test_counts_that_no_file_could_hold_are_refused() -> None:
    huge = a_case(undisturbed=COUNT_MAX)
    with pytest.raises(Fault, match="too large"):
        merge(some_results(huge), some_results(evolve(huge)))
