# SPDX-License-Identifier: BSD-2-Clause
"""The door to the engine: names, gates, definitions, and a caller left alone."""

import signal
import threading
from pathlib import Path

import psutil
import pytest

from probes import build, cases, machine
from probes.engine import Engine, Interrupted, Kind, Status, Sweep
from reports.records import METHODS, OUTCOMES
from sigprobe import ROOTS

ENGINE = Engine.load(*ROOTS)
KNOWN = cases.universe(*ROOTS)
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"


def test_the_engine_and_the_results_file_speak_of_the_same_outcomes() -> None:
    assert set(ENGINE.outcomes) == set(OUTCOMES)
    assert set(ENGINE.methods) == set(METHODS)


@pytest.mark.parametrize(
    ("kind", "axis"),
    [
        (Kind.CALL, "call"),
        (Kind.WATCHER, "watcher"),
        (Kind.SENDER, "sender"),
        (Kind.KICK, "kick"),
    ],
)
def test_c_and_python_know_the_same_names(kind: Kind, axis: str) -> None:
    assert sorted(ENGINE.names(kind)) == sorted(set(KNOWN.words[axis]) - {"none"})


def test_c_knows_no_signal_that_python_does_not() -> None:
    assert set(ENGINE.names(Kind.SIGNAL)) <= set(KNOWN.words["signal"])


@pytest.mark.parametrize("kind", list(Kind))
def test_every_name_says_what_it_is_for(kind: Kind) -> None:
    for name in ENGINE.names(kind):
        assert ENGINE.purpose(kind, name), name


# A call that came with a release of its kernel or C library has no gate (gates.toml).
NEWER = {
    "epoll_pwait2",
    "pthread_sigqueue",
    "read-eventfd",
    "read-inotify",
    "read-timerfd",
    "waitid",
}


@pytest.mark.parametrize("axis", ["call", "watcher", "sender"])
def test_what_this_machine_lacks_has_a_gate(axis: str) -> None:
    here = machine.name(ENGINE)
    for word in set(KNOWN.words[axis]) - {"none"}:
        parts = cases.Case(*READ.split("/"))._replace(**{axis: word})
        id = str(parts._replace(timing="before"))
        status, reason = ENGINE.check(id)
        if status is Status.UNSUPPORTED and word not in NEWER:
            assert KNOWN.gate(id, here), f"{id}: {reason}"


@pytest.mark.parametrize("id", [*KNOWN.ids[:: len(KNOWN.ids) // 200]])
def test_the_engine_knows_every_planned_case(id: str) -> None:
    status, reason = ENGINE.check(id)
    assert status is not Status.ERROR, reason


@pytest.mark.parametrize(
    "id",
    [
        READ.replace("asleep", "never"),
        READ.replace("pthread_kill", "raise"),
        READ.replace("SIGUSR1", "SIGNONE"),
        READ + "/more",
        "x" * 500,
        "",
        "é/ü",
    ],
)
def test_what_is_no_case_is_an_error_with_a_reason(id: str) -> None:
    status, reason = ENGINE.check(id)
    assert status is Status.ERROR
    assert reason


def test_definitions_tell_cases_apart() -> None:
    ids = KNOWN.default[:50]
    assert len({ENGINE.definition(id) for id in ids}) == len(ids)


def test_a_definition_does_not_depend_on_the_roots_that_it_does_not_use() -> None:
    alone = Engine(build.library((cases.PROBES,)))
    assert alone.definition(READ) == ENGINE.definition(READ)


def test_a_sweep_has_the_steps_that_were_asked_for() -> None:
    case = ENGINE.measure(READ.replace("asleep", "sweep"), 60, sweep=Sweep(-2000, 1000, 5))
    assert case.sweep is not None
    assert [step.offset_ns for step in case.sweep] == [-2000, -1000, 0, 1000, 2000]
    assert case.trials == 60
    assert 0 < sum(sum(step.outcomes.values()) for step in case.sweep) <= 60


def test_progress_grows() -> None:
    seen: list[int] = []
    ENGINE.measure(READ, 20_000, on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] <= 20_000


def surroundings() -> tuple[object, ...]:
    """Return what a caller would not like to find changed."""
    me = psutil.Process()
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return handlers, mask, me.num_threads(), sorted(Path("/dev/fd").iterdir()), me.children()


@pytest.mark.parametrize("disposition", ["default", "ignore", "handler"])
def test_the_caller_is_left_as_it_was(disposition: str) -> None:
    before = surroundings()
    ENGINE.measure(READ.replace("handler", disposition), 20)
    assert surroundings() == before


def test_control_c_carries_what_was_measured_and_leaves_nothing() -> None:
    before = surroundings()

    def press(done: int) -> None:
        if done:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as raised:
        ENGINE.measure(READ, 10**9, on_progress=press)
    assert 0 < raised.value.case.trials < 10**9
    assert surroundings() == before


def test_a_fault_in_the_caller_leaves_nothing() -> None:
    before = surroundings()

    def fail(done: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ENGINE.measure(READ, 10**9, on_progress=fail)
    assert surroundings() == before


def test_two_threads_can_measure_at_once() -> None:
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(ENGINE.measure(READ, 200))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [case.outcomes for case in results] == [{"interrupted": 200}] * 2
