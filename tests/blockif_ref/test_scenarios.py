# SPDX-License-Identifier: BSD-2-Clause
"""The scenarios as cases, and faults planted in the block layer that they must see."""

import errno
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from blockif_ref import door
from probes import build, cases
from probes.engine import Engine, Kind, Status
from reports import schema

LINUX = platform.system() == "Linux"
ENGINE = Engine.load(*door.ROOTS)
TRIALS = 30

# What each kick comes to on Linux when the request sleeps, and when it has not entered its call.
# These are the kernel's answers, not the port's taste: a difference is worth a long look.
ASLEEP = {
    "wait": "waited",
    "signalfd": "hung",
    "handler": "cancelled",
    "handler-usr1": "cancelled",
    "handler-retry": "cancelled",
    "gate": "cancelled",
    "io-uring": "cancelled",
}
BEFORE = {**ASLEEP, "handler": "lost", "handler-usr1": "lost"}
BACKENDS = ("stalled", "fuse")


def measure(id: str, engine: Engine = ENGINE, trials: int = TRIALS) -> schema.Case:
    status, reason = engine.check(id)
    if status != Status.MEASURED:
        pytest.skip(reason)
    case = engine.measure(id, trials)
    if case.status == "unsupported":
        pytest.skip(case.reason or "")
    assert case.status == "measured", case.reason
    return case


@pytest.mark.skipif(not LINUX, reason="the table is Linux's")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operation", ["read", "write", "flush", "delete"])
@pytest.mark.parametrize("kick", sorted(ASLEEP))
def test_kicks_on_linux(kick: str, operation: str, backend: str) -> None:
    for scenario, expected in (("asleep", ASLEEP[kick]), ("before", BEFORE[kick])):
        case = measure(f"blockif/{kick}/{operation}/{backend}/{scenario}")
        assert case.outcomes == {expected: TRIALS}, (scenario, case)
        assert case.reached == TRIALS
        assert case.latency_ns.max > 0 if expected == "cancelled" else case.latency_ns.max == 0


@pytest.mark.parametrize("kick", ENGINE.names(Kind.KICK))
def test_what_no_kick_is_needed_for(kick: str) -> None:
    for scenario, outcome in (
        ("pending", "cancelled"),
        ("finished", "completed"),
        ("close", "waited"),
    ):
        case = measure(f"blockif/{kick}/write/stalled/{scenario}")
        assert (case.outcomes, case.kicks) == ({outcome: TRIALS}, 0), scenario


@pytest.mark.parametrize("operation", ["read", "write", "flush", "delete"])
@pytest.mark.parametrize("kick", ["handler-retry", "gate", "io-uring", "wait"])
def test_many_at_once(kick: str, operation: str) -> None:
    outcome = "waited" if kick == "wait" else "cancelled"
    for scenario in ("storm", "port-stop"):
        case = measure(f"blockif/{kick}/{operation}/stalled/{scenario}")
        assert case.outcomes == {outcome: TRIALS}, (scenario, case)


@pytest.mark.parametrize("kick", ["wait", "handler-retry", "gate", "io-uring"])
def test_a_guest_gets_its_port_back_after_a_slow_trim(kick: str) -> None:
    case = measure(f"blockif/{kick}/delete/stalled/slow-trim")
    assert case.outcomes == {"waited" if kick == "wait" else "cancelled": TRIALS}


@pytest.mark.skipif(not LINUX, reason="signalfd is Linux's own")
def test_hyperkits_hang_is_proved_not_timed_out() -> None:
    case = measure("blockif/signalfd/delete/stalled/slow-trim")
    assert case.outcomes == {"hung": TRIALS}
    assert case.method == "observed"
    assert case.note and "when the I/O had ended" in case.note
    assert case.seconds < TRIALS  # a time-out a trial would take far longer


@pytest.mark.parametrize("scenario", ["pending", "before", "finished", "storm"])
@pytest.mark.parametrize("operation", ["read", "write", "flush", "delete"])
def test_a_local_file_ends_by_itself_whatever_the_kick(operation: str, scenario: str) -> None:
    for kick in ("wait", "handler-retry"):
        case = measure(f"blockif/{kick}/{operation}/file/{scenario}")
        assert set(case.outcomes) <= {"cancelled", "completed", "waited"}, case


def test_cases_that_cannot_be_say_why() -> None:
    for id, word in {
        "blockif/wait/read/file/asleep": "stall",
        "blockif/gate/read/file/before": "poll",
        "blockif/wait/read/stalled/slow-trim": "delete",
    }.items():
        status, reason = ENGINE.check(id)
        assert status == Status.UNSUPPORTED and word in reason
    for id in (
        "blockif/nudge/read/stalled/asleep",
        "blockif/wait/erase/stalled/asleep",
        "blockif/wait/read/tape/asleep",
        "blockif/wait/read/stalled/awake",
        "blockif/wait/read/stalled",
        "blockif/wait/read/stalled/asleep/twice",
    ):
        assert ENGINE.check(id)[0] == Status.ERROR, id


def test_the_gates_are_the_engines() -> None:
    if not LINUX:
        pytest.skip("the engine here is not Linux's")
    universe = cases.universe(*door.ROOTS)
    name = "libkqueue" if ENGINE.machine()["kqueue"] == "libkqueue" else "linux"
    for id in universe.ids:
        status, reason = ENGINE.check(id)
        if not id.startswith("blockif/") or "/dev/fuse" in reason:
            continue
        assert (status == Status.UNSUPPORTED) == (universe.gate(id, name) is not None), (id, reason)
        assert universe.gate(id, name) in (None, reason)


# ---------------------------------------------------------------------- planted faults

DUD = """
#include "../inside.h"
static void dud_cancel(struct blockif_cancel *cancel) {
    %s(cancel);
}
static const struct blockif_kick dud = {.name = "dud", .purpose = "a fault", .cancel = dud_cancel};
BLOCKIF_KICK(dud);
"""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the C sources to spoil, and a cache of its own for what is built from it."""
    root = tmp_path / "blockif_ref"
    shutil.copytree(door.ROOTS[1] / "c", root / "c")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    build.cache.cache_clear()
    yield root
    build.cache.cache_clear()


def spoil(root: Path, file: str, right: str, wrong: str) -> Engine:
    path = root / "c" / file
    text = path.read_text("utf-8")
    assert text.count(right) == 1, (file, right)
    path.write_text(text.replace(right, wrong), "utf-8")
    return Engine(build.library((cases.PROBES, root)))


def test_a_kick_that_does_nothing_is_seen(planted: Path) -> None:
    (planted / "c/kicks/dud.c").write_text(DUD % "blockif_await_acknowledgement", "utf-8")
    engine = Engine(build.library((cases.PROBES, planted)))
    assert measure("blockif/dud/read/stalled/asleep", engine).outcomes == {"hung": TRIALS}
    (planted / "c/kicks/dud.c").write_text(DUD % "blockif_await_end", "utf-8")
    engine = Engine(build.library((cases.PROBES, planted)))
    assert measure("blockif/dud/read/stalled/asleep", engine).outcomes == {"waited": TRIALS}


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        (
            "work.c",
            "    request->callback(request, error);\n",
            "    request->callback(request, error);\n    request->callback(request, error);\n",
        ),
        ("cancel.c", "        blockif_take_back(disk, waiting);\n", ""),
    ],
    ids=["called back twice", "given back and called back"],
)
def test_a_request_answered_twice_is_seen(planted: Path, file: str, right: str, wrong: str) -> None:
    engine = spoil(planted, file, right, wrong)
    case = measure("blockif/wait/read/stalled/pending", engine)
    assert "ambiguous" in case.outcomes
    assert case.note == "a request was not answered exactly once"


def test_a_handler_that_restarts_the_call_is_seen(planted: Path) -> None:
    engine = spoil(
        planted,
        "kick_signal.c",
        "    action.sa_handler = handler;\n",
        "    action.sa_handler = handler;\n    action.sa_flags = SA_RESTART;\n",
    )
    case = measure("blockif/handler-usr1/read/stalled/asleep", engine)
    assert case.outcomes == {"lost": TRIALS}


RECEIVE = "        return recv(call->fd, call->pieces->iov_base, call->pieces->iov_len, 0);\n"
FAIL = "        errno = {};\n        return -1;\n"


@pytest.mark.parametrize(("error", "status"), [("EINVAL", "unsupported"), ("EIO", "error")])
def test_a_call_that_cannot_be_made_is_no_outcome(planted: Path, error: str, status: str) -> None:
    engine = spoil(planted, "perform.c", RECEIVE, FAIL.format(error))
    for scenario in ("asleep", "finished"):
        case = engine.measure(f"blockif/handler/read/stalled/{scenario}", TRIALS)
        assert (case.status, case.trials) == (status, 0)
        assert case.reason and "a request that nobody cancels ends with" in case.reason


def test_a_call_that_fails_in_a_trial_is_ambiguous(planted: Path) -> None:
    later = f"        static _Atomic int calls;\n        if (calls++ == 0)\n    {RECEIVE}"
    engine = spoil(planted, "perform.c", RECEIVE, later + FAIL.format("EIO"))
    case = measure("blockif/handler/read/stalled/finished", engine)
    assert case.outcomes == {"ambiguous": TRIALS}
    assert case.note == f"a request failed: {os.strerror(errno.EIO)}"


def test_a_port_that_does_not_come_back_is_seen(planted: Path) -> None:
    engine = spoil(planted, "ahci_port.c", "    port->stopped = false;\n", "")
    case = measure("blockif/handler-retry/read/stalled/port-stop", engine, trials=1)
    assert case.outcomes == {"ambiguous": 1}
    assert case.note == f"the port did not come back: {os.strerror(errno.EBUSY)}"
