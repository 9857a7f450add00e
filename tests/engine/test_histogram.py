# SPDX-License-Identifier: BSD-2-Clause
"""The latency histogram: the C side's buckets against the Python side's."""

from __future__ import annotations

from ctypes import POINTER, byref, c_uint, c_uint64

from engine_tools import library
from hypothesis import given
from hypothesis import strategies as st

from probes.engine import BUCKETS, Result
from reports.schema import bucket

TOP_NS = 2**43  # the last bucket also takes what is longer than this


def floor(number: int) -> int:
    ask = library().sp_bucket_floor
    ask.restype, ask.argtypes = c_uint64, [c_uint]
    return int(ask(number))


def counted(*latencies: int) -> Result:
    add = library().sp_latency
    add.restype, add.argtypes = None, [POINTER(Result), c_uint64]
    result = Result()
    for latency in latencies:
        add(byref(result), latency)
    return result


def only(result: Result) -> int:
    (number,) = [number for number in range(BUCKETS) if result.latency[number]]
    return number


def test_floors_rise_and_both_sides_agree_on_every_one() -> None:
    floors = [floor(number) for number in range(BUCKETS)]
    assert floors == sorted(set(floors))
    assert floors[:17] == list(range(17))
    assert floors[-1] < TOP_NS
    assert [bucket(low) for low in floors] == floors
    for low, high in zip(floors, [*floors[1:], TOP_NS], strict=True):
        assert bucket(high - 1) == low


@given(st.one_of(st.integers(0, TOP_NS - 1), st.integers(0, 43).map(lambda n: 2**n - 1)))
def test_a_latency_falls_where_python_says(ns: int) -> None:
    assert floor(only(counted(ns))) == bucket(ns)


@given(st.integers(0, TOP_NS - 1))
def test_a_bucket_is_no_wider_than_a_sixteenth(ns: int) -> None:
    assert 0 <= ns - bucket(ns) <= ns // 16


@given(st.integers(TOP_NS, 2**64 - 1))
def test_what_is_too_long_goes_into_the_last_bucket_and_stays_exact_as_maximum(ns: int) -> None:
    result = counted(ns)
    assert only(result) == BUCKETS - 1
    assert result.latency_max_ns == ns


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_no_latency_is_lost(latencies: list[int]) -> None:
    result = counted(*latencies)
    assert sum(result.latency) == len(latencies)
    assert result.latency_max_ns == max(latencies, default=0)
