# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark measures what it says: every competitor appears, and no number is made up."""

from pathlib import Path

import pytest

from blockif_ref import bench


def test_a_round_of_the_port_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "SIZE", 4 << 20)
    monkeypatch.setattr(bench.shutil, "which", lambda name: None)  # type: ignore[attr-defined]
    found = bench.rates(0.01, 3, bench.WORKS, (1, 8), tmp_path)
    points = {(rate.work, rate.depth, rate.by) for rate in found}
    works = ("randread", "randwrite", "read", "write")
    by = ("1 worker", "8 workers")
    assert points == {(work, depth, name) for work in works for depth in (1, 8) for name in by}
    assert all(rate.requests_per_second > 0 and rate.spread >= 0 for rate in found)
    assert not list(tmp_path.iterdir())


def test_delays_are_those_of_kicks_that_end_a_call() -> None:
    kicks = [delay.kick for delay in bench.delays(30)]
    assert kicks[0] == "(bare signal)"
    assert {"handler-usr1", "handler-retry", "gate"} <= set(kicks)
    assert not {"wait", "signalfd"} & set(kicks)


def test_the_table_sets_the_port_against_fio() -> None:
    rates = [
        {"work": "randread", "depth": 8, "by": "1 worker", "requests_per_second": 10.0},
        {"work": "randread", "depth": 8, "by": "8 workers", "requests_per_second": 30.0},
        {"work": "randread", "depth": 8, "by": "fio libaio", "requests_per_second": 20.0},
    ]
    text = bench.text(
        {
            "rates": rates,
            "delays": [{"kick": "gate", "p50": 4000, "p99": 9000, "bare": 2.0}],
            "python": 200000.0,
        }
    )
    assert "/ fio libaio" in text and "1.50" in text and "200,000" in text
