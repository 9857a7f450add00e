# SPDX-License-Identifier: BSD-2-Clause
"""The outcome rules: what each evidence says, and what no evidence may ever say."""

from __future__ import annotations

import re
from ctypes import POINTER, Structure, byref, c_int
from typing import Any

import pytest
from engine_tools import header, library
from hypothesis import given
from hypothesis import strategies as st

from probes.engine import Engine

HEADER = header("outcome.h")
FIELDS = re.findall(r"^ +int (\w+);", HEADER, re.MULTILINE)
ENDS = [end.lower() for end in re.findall(r"SP_END_(\w+)", HEADER.split("}")[0])]
FLAGS = {
    "stopped",
    "asleep_when_sent",
    "ended_early",
    "unsent",
    "before_release",
    "waited_too_short",
    "taken_elsewhere",
}
RUNS = {"runs_at_entry", "runs_inside", "runs_after_rest", "runs_elsewhere"}

# What one trial alone can show; killed and hung are the parent's to see.
POSSIBLE = {
    "interrupted",
    "restarted",
    "undisturbed",
    "lost",
    "returned",
    "elsewhere",
    "stopped",
    "ambiguous",
}


class Evidence(Structure):
    """struct sp_evidence, as its header has it."""

    _fields_ = [(field, c_int) for field in FIELDS]


def judge(**evidence: Any) -> str:
    judged = library().sp_judge
    judged.restype, judged.argtypes = c_int, [POINTER(Evidence)]
    numbers = {**evidence, "end": ENDS.index(evidence.get("end", "released"))}
    return str(Engine.load().outcomes[judged(byref(Evidence(**numbers)))])


def evidence() -> st.SearchStrategy[dict[str, Any]]:
    """Every combination that the fields can hold, whether or not a trial could bring it about."""
    few = st.one_of(st.integers(0, 2), st.integers(0, 2**31 - 1))
    return st.fixed_dictionaries(
        {
            **{flag: st.booleans() for flag in FLAGS},
            **dict.fromkeys(RUNS, few),
            "end": st.sampled_from(ENDS),
        }
    )


def test_the_fields_are_the_ones_that_these_tests_are_about() -> None:
    assert set(FIELDS) == FLAGS | RUNS | {"end"}
    assert ENDS == ["eintr", "success", "released", "other"]


ASLEEP = {"asleep_when_sent": 1}
RETURNED = {"before_release": 1}


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        # The call ended because of the signal.
        ({**ASLEEP, **RETURNED, "end": "eintr", "runs_inside": 1}, "interrupted"),
        ({**ASLEEP, **RETURNED, "end": "eintr"}, "interrupted"),
        ({**RETURNED, "end": "eintr", "runs_at_entry": 1}, "interrupted"),
        ({**ASLEEP, **RETURNED, "end": "success"}, "returned"),
        ({**ASLEEP, **RETURNED, "end": "other"}, "ambiguous"),
        # It looked undisturbed, was released, and says EINTR after all.
        ({**ASLEEP, "end": "eintr"}, "interrupted"),
        ({**ASLEEP, "end": "eintr", "runs_after_rest": 1}, "interrupted"),
        # It went on sleeping until it was released.
        ({**ASLEEP}, "undisturbed"),
        ({}, "undisturbed"),
        ({**ASLEEP, "runs_inside": 1}, "restarted"),
        ({**ASLEEP, "runs_inside": 2}, "restarted"),
        ({"runs_at_entry": 1}, "lost"),
        ({**ASLEEP, "runs_elsewhere": 1}, "elsewhere"),
        ({**ASLEEP, "taken_elsewhere": 1}, "elsewhere"),
        ({"runs_elsewhere": 1}, "elsewhere"),
        # Two readings are open.
        ({"runs_inside": 1}, "ambiguous"),
        ({"runs_at_entry": 1, "runs_inside": 1}, "ambiguous"),
        ({**ASLEEP, "runs_after_rest": 1}, "ambiguous"),
        ({**ASLEEP, "runs_inside": 1, "runs_after_rest": 1}, "ambiguous"),
        ({**ASLEEP, "end": "success"}, "ambiguous"),
        ({**ASLEEP, "end": "other"}, "ambiguous"),
        # The waiting time was too short to say that nothing came; what came is said.
        ({**ASLEEP, "waited_too_short": 1}, "ambiguous"),
        ({"runs_at_entry": 1, "waited_too_short": 1}, "ambiguous"),
        ({**ASLEEP, "waited_too_short": 1, "end": "eintr"}, "interrupted"),
        # The call was over before anything was sent.
        ({**RETURNED, "ended_early": 1, "end": "eintr"}, "ambiguous"),
        ({**RETURNED, "ended_early": 1, "end": "success"}, "ambiguous"),
        # Nothing was sent.
        ({**ASLEEP, "unsent": 1}, "ambiguous"),
        ({"unsent": 1}, "ambiguous"),
        # A stopped process says nothing about its calls.
        ({**ASLEEP, "stopped": 1}, "stopped"),
        ({**ASLEEP, **RETURNED, "stopped": 1, "end": "eintr"}, "stopped"),
    ],
)
def test_what_the_evidence_says(seen: dict[str, Any], outcome: str) -> None:
    assert judge(**seen) == outcome


@given(evidence())
def test_only_outcomes_that_a_trial_can_show(seen: dict[str, Any]) -> None:
    assert judge(**seen) in POSSIBLE


@given(evidence())
def test_the_same_evidence_gives_the_same_outcome(seen: dict[str, Any]) -> None:
    assert judge(**seen) == judge(**seen)


@given(evidence())
def test_how_often_a_handler_ran_does_not_matter(seen: dict[str, Any]) -> None:
    once = {field: bool(value) if field in RUNS else value for field, value in seen.items()}
    assert judge(**seen) == judge(**once)


@given(evidence())
def test_stopped_and_eintr_are_never_taken_for_something_else(seen: dict[str, Any]) -> None:
    outcome = judge(**seen)
    assert (outcome == "stopped") == bool(seen["stopped"])
    other = seen["stopped"] or seen["ended_early"] or seen["unsent"]
    assert (outcome == "interrupted") == (seen["end"] == "eintr" and not other)


@given(evidence())
def test_undisturbed_means_that_nothing_ran_anywhere(seen: dict[str, Any]) -> None:
    if judge(**seen) == "undisturbed":
        assert not seen["unsent"]
        assert not any(seen[runs] for runs in RUNS)
        assert not seen["taken_elsewhere"]
        assert not seen["before_release"]


@given(evidence())
def test_restarted_means_that_a_sleeping_call_saw_its_own_handler(seen: dict[str, Any]) -> None:
    if judge(**seen) == "restarted":
        assert seen["asleep_when_sent"]
        assert seen["runs_inside"]
        assert not seen["runs_at_entry"]
        assert not seen["runs_after_rest"]


@given(evidence())
def test_lost_means_that_the_handler_had_run_before_the_entry(seen: dict[str, Any]) -> None:
    if judge(**seen) == "lost":
        assert seen["runs_at_entry"]
        assert not seen["runs_inside"]
        assert not seen["runs_after_rest"]


@given(evidence())
def test_elsewhere_means_another_thread_and_not_the_target(seen: dict[str, Any]) -> None:
    if judge(**seen) == "elsewhere":
        assert seen["runs_elsewhere"] or seen["taken_elsewhere"]
        assert not any(seen[runs] for runs in RUNS - {"runs_elsewhere"})


@given(evidence())
def test_only_a_call_that_ended_by_itself_returned(seen: dict[str, Any]) -> None:
    if judge(**seen) == "returned":
        assert seen["before_release"]
        assert seen["end"] == "success"


@given(evidence())
def test_going_on_asleep_means_that_the_release_ended_it(seen: dict[str, Any]) -> None:
    if judge(**seen) in {"undisturbed", "restarted", "lost", "elsewhere"}:
        assert seen["end"] == "released"
        assert not seen["before_release"]
        assert not seen["waited_too_short"]
