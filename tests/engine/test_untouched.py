# SPDX-License-Identifier: BSD-2-Clause
"""The caller of the engine is as it was: after a run, after ^C, after children that died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_tools import TOP

from probes.engine import Engine, Interrupted, Sweep
from reports import schema
from sigprobe import ROOTS

MANY = 10**9  # trials that nobody waits for
LONG_S = 60  # far longer than anything here takes; a wait that ends by it has failed


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(*ROOTS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The private folders of sandboxes go here, and here they are missed or found."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def state(folder: Path) -> dict[str, Any]:
    """What a caller could notice."""
    me = psutil.Process()
    numbers = sorted(signal.valid_signals())
    return {
        "dispositions": {number: signal.getsignal(number) for number in numbers},
        "kernel's view": {thread.id: kernel_view(thread.id) for thread in me.threads()},
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "pending": signal.sigpending(),
        "descriptors": descriptors(),
        "children": [child.pid for child in me.children(recursive=True)],
        "group": os.getpgrp(),
        "folder": list(folder.iterdir()),
        "limits": resource_limits(),
    }


def kernel_view(thread: int) -> list[str]:
    """Masks and dispositions of one thread as Linux shows them; nothing elsewhere."""
    try:
        text = Path(f"/proc/self/task/{thread}/status").read_text("utf-8")
    except OSError:
        return []
    fields = ("SigBlk:", "SigIgn:", "SigCgt:", "SigPnd:", "ShdPnd:", "Cpus_allowed:")
    return [line for line in text.splitlines() if line.startswith(fields)]


def descriptors() -> dict[int, str]:
    """Number and, where it can be read, nature of every open descriptor."""
    found = {}
    for number in range(256):
        try:
            status = os.fstat(number)
        except OSError:
            continue
        found[number] = f"{status.st_mode:o} {status.st_dev} {status.st_ino}"
    return found


def resource_limits() -> list[tuple[int, int]]:
    import resource

    return [resource.getrlimit(which) for which in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)]


def case(
    call: str = "read-pipe",
    name: str = "SIGUSR1",
    disposition: str = "handler",
    mask: str = "open",
    sender: str = "pthread_kill",
    watcher: str = "none",
    timing: str = "asleep",
) -> str:
    return f"{call}/{name}/{disposition}/{mask}/{sender}/{watcher}/{timing}"


RUNS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "interrupted": (case(), {"trials": 200}, {"interrupted"}),
    "ignored": (case(disposition="ignore"), {"trials": 200}, {"undisturbed"}),
    "process-directed": (case(sender="kill", mask="open-all"), {"trials": 50}, set()),
    "before": (case(timing="before"), {"trials": 200}, {"lost"}),
    "watched": (
        case(disposition="default", mask="blocked", sender="kill", watcher="sigwait"),
        {"trials": 50},
        {"undisturbed"},
    ),
    "swept": (
        case(timing="sweep"),
        {"trials": 60, "sweep": Sweep(-5000, 5000, 3)},
        set(),
    ),
    "killed": (case(disposition="default"), {"trials": 10}, {"killed"}),
    "stopped": (case(name="SIGTSTP", disposition="default"), {"trials": 5}, {"stopped"}),
    "with a child": (case("waitpid", disposition="ignore"), {"trials": 20}, {"undisturbed"}),
    "killed with a child": (case("waitpid", disposition="default"), {"trials": 5}, {"killed"}),
    "with a file": (case("open-fifo", disposition="ignore"), {"trials": 20}, {"undisturbed"}),
    "killed with a file": (case("open-fifo", disposition="default"), {"trials": 5}, {"killed"}),
    "killed with a socket": (case("accept", disposition="default"), {"trials": 5}, {"killed"}),
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_leaves_nothing_and_changes_nothing(engine: Engine, kind: str, folder: Path) -> None:
    id, how, outcomes = RUNS[kind]
    before = state(folder)
    record = engine.measure(id, **how)
    assert state(folder) == before
    assert record.status == "measured", record.reason
    assert sum(record.outcomes.values()) == how["trials"]
    assert not outcomes or set(record.outcomes) == outcomes


@pytest.mark.parametrize(
    "id",
    [case(), case("waitpid"), case("open-fifo"), case(disposition="default")],
)
def test_after_an_interrupt_in_the_middle(engine: Engine, id: str, folder: Path) -> None:
    """^C arrives as a real signal, and what was measured comes with the exception."""
    before = state(folder)

    def interrupt(done: int) -> None:
        if done:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as raised:
        engine.measure(id, trials=MANY, on_progress=interrupt)
    assert state(folder) == before
    record = raised.value.case
    assert 0 < record.trials < MANY
    assert sum(record.outcomes.values()) == record.trials


def test_a_case_that_cannot_be_run_leaves_nothing(engine: Engine, folder: Path) -> None:
    before = state(folder)
    assert engine.measure("no-such-call/SIGUSR1/a/b/c/d/e", trials=5).status == "error"
    assert state(folder) == before


@pytest.fixture
def odd_habits() -> Iterator[None]:
    """A caller with dispositions and masks that would spoil every case, were they inherited."""
    numbers = (signal.SIGUSR1, signal.SIGVTALRM, signal.SIGPROF, signal.SIGCONT)
    kept = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for number, handler in zip(numbers, kept, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("odd_habits")
def test_the_callers_habits_are_not_inherited_and_are_kept(engine: Engine, folder: Path) -> None:
    before = state(folder)
    assert set(engine.measure(case(), trials=50).outcomes) == {"interrupted"}
    assert set(engine.measure(case(disposition="default"), trials=3).outcomes) == {"killed"}
    assert state(folder) == before


def test_a_pending_signal_stays_the_callers(engine: Engine, folder: Path) -> None:
    kept = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1,))
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)  # another thread has it open
        before = state(folder)
        assert signal.SIGUSR1 in before["pending"]
        assert set(engine.measure(case(), trials=50).outcomes) == {"interrupted"}
        assert state(folder) == before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, kept)


def in_threads(count: int, work: Callable[[], Any]) -> None:
    """Run that many threads to their end, which the kernel sees later than Python does."""
    before = psutil.Process().num_threads()
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while psutil.Process().num_threads() > before:
        pass


def test_runs_of_several_threads_do_not_meet(engine: Engine, folder: Path) -> None:
    in_threads(
        1, threading.get_ident
    )  # the first thread of a process changes it (glibc: signal 33)
    before = state(folder)
    records: list[schema.Case] = []
    in_threads(3, lambda: records.append(engine.measure(case(), trials=50)))
    assert [record.outcomes for record in records] == [{"interrupted": 50}] * 3
    assert state(folder) == before


ENDLESS = (
    "import sys; from probes.engine import Engine; from sigprobe import ROOTS;"
    "Engine.load(*ROOTS).measure(sys.argv[1], 10**9, on_progress=lambda n: print(n, flush=True))"
)


@pytest.mark.parametrize("call", ["read-pipe", "waitpid", "open-fifo", "accept"])
def test_the_sandbox_goes_when_its_caller_is_killed(
    engine: Engine, call: str, folder: Path
) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, case(call)], cwd=TOP, stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    while not int(caller.stdout.readline() or "-1"):
        pass  # until the first trials are done
    sandboxes = psutil.Process(caller.pid).children(recursive=True)
    assert sandboxes and any(folder.iterdir())
    caller.kill()
    caller.communicate()
    _, alive = psutil.wait_procs(sandboxes, timeout=LONG_S)
    assert not alive
    assert not list(folder.iterdir())
