# SPDX-License-Identifier: BSD-2-Clause
"""Cases whose answer is certain, measured while every processor is kept busy by other work.

The default is a taste (SIGPROBE_TRUTH_TRIALS trials a case, 400); `tox run -e truth` takes a
million. Not one wrong outcome is allowed, and fewer than one ambiguous trial in ten thousand.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from probes.engine import Engine

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="certain for Linux, by measurement"
)

TRIALS = int(os.environ.get("SIGPROBE_TRUTH_TRIALS", "400"))
# A trial that kills its sandbox costs a fork: a twentieth of them says as much.
KILLED_SHARE = 20
# Threads that share a processor with busy loops wait a time slice at every turn.
ONE_PROCESSOR_SHARE = 20

# signal(7); nanosleep and poll never are.
RESTARTED = {"read-pipe", "sem_wait", "futex-wait", "waitpid"}
# waitpid: its woken waiter passes through the sleeping state once more (kernel/exit.c do_wait).
CALLS = ["read-pipe", "nanosleep", "poll", "sem_wait", "futex-wait", "waitpid"]
BUSY = "while True: pass"


def certain(call: str, signal: str, disposition: str) -> str:
    if disposition == "handler":
        return "interrupted"
    if disposition == "handler-restart":
        return "restarted" if call in RESTARTED else "interrupted"
    return "killed" if (signal, disposition) == ("SIGUSR1", "default") else "undisturbed"


@pytest.fixture(scope="module")
def busy() -> Iterator[None]:
    """A busy loop on every processor, for as long as the module's tests run."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.fixture(params=[1, ONE_PROCESSOR_SHARE], ids=["every processor", "one processor"])
def trials(request: pytest.FixtureRequest) -> Iterator[int]:
    """Trials a case: on all processors, or with all threads forced onto the same one."""
    allowed = os.sched_getaffinity(0)
    if request.param == ONE_PROCESSOR_SHARE:
        os.sched_setaffinity(0, {min(allowed)})
    yield TRIALS // request.param
    os.sched_setaffinity(0, allowed)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load()


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("call", CALLS)
def test_not_one_wrong_outcome_under_load(engine: Engine, call: str, trials: int) -> None:
    total = ambiguous = 0
    for signal in ("SIGCONT", "SIGUSR1"):
        for disposition in ("default", "ignore", "handler", "handler-restart"):
            expected = certain(call, signal, disposition)
            case = f"{call}/{signal}/{disposition}/open/pthread_kill/none/asleep"
            wanted = max(1, trials // KILLED_SHARE) if expected == "killed" else trials
            record = engine.measure(case, trials=wanted, seed=1)
            seen = Counter(record.outcomes)
            assert (record.status, record.method) == ("measured", "observed"), record.reason
            ambiguous += seen.pop("ambiguous", 0)
            assert set(seen) == {expected}, f"{case}: {dict(record.outcomes)} {record.note}"
            assert record.reached == record.trials == wanted
            total += wanted
    assert ambiguous * 10_000 <= total, f"{ambiguous} of {total} trials at {call} are ambiguous"
