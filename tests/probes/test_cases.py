# SPDX-License-Identifier: BSD-2-Clause
"""Ids, patterns, planes and gates, all without a compiler."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import cases
from probes.cases import Case
from reports.schema import Fault
from sigprobe import ROOTS

KNOWN = cases.universe(*ROOTS)
PLACES = {id: place for place, id in enumerate(KNOWN.ids)}
READ = "read-pipe/SIGCONT/ignore/open/pthread_kill/none/asleep"


def part(axis: str) -> st.SearchStrategy[str]:
    return st.sampled_from(KNOWN.words[axis])


any_case = st.builds(Case, *(part(axis) for axis in Case._fields))


@given(any_case)
def test_an_id_survives_the_round_trip(case: Case) -> None:
    assert KNOWN.parse(str(case)) == case


@given(st.text())
def test_any_text_is_an_id_or_a_fault(text: str) -> None:
    try:
        assert str(KNOWN.parse(text)) == text
    except Fault as fault:
        assert fault.status == 2
        assert "\n" not in str(fault)


@given(any_case)
def test_a_possible_case_outside_the_planes_can_be_selected(case: Case) -> None:
    id = str(case)
    if cases.possible(case):
        with pytest.raises(Fault, match=re.escape(id)):
            KNOWN.case(id)
    else:
        assert KNOWN.select([id]) == [id]


@given(st.lists(st.sampled_from(KNOWN.ids[:: max(len(KNOWN.ids) // 50, 1)]), min_size=1))
def test_selection_keeps_the_order_and_takes_each_case_once(ids: list[str]) -> None:
    chosen = KNOWN.select(ids)
    assert sorted(chosen) == sorted(set(ids))
    assert chosen == sorted(chosen, key=PLACES.__getitem__)


@given(st.integers(0, 99))
def test_real_time_signals_count_from_their_first(offset: int) -> None:
    id = READ.replace("SIGCONT", f"SIGRTMIN+{offset}")
    if offset:
        assert KNOWN.parse(id)[1] == f"SIGRTMIN+{offset}"
    else:
        with pytest.raises(Fault):
            KNOWN.parse(id)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("raed-pipe/SIGCONT/ignore/open/pthread_kill/none/asleep", "read-pipe"),
        ("read-pipe/SIGCNT/ignore/open/pthread_kill/none/asleep", "SIGCONT"),
        ("read-pipe/SIGCONT/ignored/open/pthread_kill/none/asleep", "ignore"),
        ("read-pipe/SIGCONT/ignore/open/pthread-kill/none/asleep", "pthread_kill"),
        ("raed-pipe/*", "read-pipe"),
        ("*/pthread_kil/*", "pthread_kill"),
        ("raed-pipe", "read-pipe"),
        ("read-pipe", "read-pipe/*"),
    ],
)
def test_what_is_not_there_names_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(Fault, match=f"near.*|mean.*{nearest}") as raised:
        KNOWN.select([wrong])
    assert nearest in str(raised.value)


def test_one_pattern_without_a_match_is_a_fault_beside_others_with_some() -> None:
    with pytest.raises(Fault, match="nosuch"):
        KNOWN.select(["read-pipe/*", "nosuch/*"])


def test_a_star_crosses_slashes() -> None:
    assert READ in KNOWN.select(["read-pipe*asleep"])


@pytest.mark.parametrize(
    ("impossible", "word"),
    [
        ("read-pipe/SIGUSR1/handler/open/raise/none/asleep", "before"),
        ("read-pipe/SIGUSR1/handler/open/raise/none/sweep", "before"),
        ("read-pipe/SIGKILL/handler/open/pthread_kill/none/asleep", "default"),
        ("read-pipe/SIGSTOP/default/blocked/pthread_kill/none/asleep", "blocked"),
    ],
)
def test_what_no_platform_can_run_says_why(impossible: str, word: str) -> None:
    with pytest.raises(Fault, match=word):
        KNOWN.select([impossible])


def test_every_planned_case_is_possible_and_there_once() -> None:
    assert len(set(KNOWN.ids)) == len(KNOWN.ids)
    for id in KNOWN.ids:
        assert KNOWN.case(id)


def test_default_cases_are_some_of_all() -> None:
    assert set(KNOWN.default) < set(KNOWN.ids)


def test_every_plane_adds_a_case() -> None:
    seen: set[str] = set()
    for plane in KNOWN.planes:
        new = set(plane.cases()) - seen
        assert new, plane.name
        seen |= new


def test_every_gate_stands_before_a_case_on_a_known_platform() -> None:
    for gate in KNOWN.gates:
        assert set(gate.platforms) <= set(cases.PLATFORMS), gate.reason
        for pattern in gate.patterns:
            assert any(fnmatchcase(id, pattern) for id in KNOWN.ids), pattern


def test_a_broken_data_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "planes.toml").write_text("[[plane")
    with pytest.raises(Fault, match=r"planes\.toml"):
        cases.Universe([tmp_path])


def test_a_new_call_needs_one_new_file(tmp_path: Path) -> None:
    (tmp_path / "c" / "calls").mkdir(parents=True)
    (tmp_path / "c" / "calls" / "brand-new.c").touch()
    grown = cases.Universe([*ROOTS, tmp_path])
    assert grown.select(["brand-new/*"])


def test_linux_has_at_least_150_default_cases_and_thousands_in_all() -> None:
    assert sum(KNOWN.gate(id, "linux") is None for id in KNOWN.default) >= 150
    assert sum(KNOWN.gate(id, "linux") is None for id in KNOWN.ids) >= 4000


def test_forty_calls_are_there_on_linux() -> None:
    calls = {id.split("/")[0] for id in KNOWN.ids if not KNOWN.gate(id, "linux")} - {"blockif"}
    assert len(calls) >= 40
