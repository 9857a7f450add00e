# SPDX-License-Identifier: BSD-2-Clause
"""Campaigns: totals, resume, spreading, interruption, what is lost when (nothing)."""

import io
import multiprocessing
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from probes import campaign
from probes.campaign import Campaign, Progress, Task
from probes.engine import Engine, Interrupted
from reports import schema
from reports.schema import Fault
from sigprobe import ROOTS

IDS = [
    f"read-pipe/{signal}/{disposition}/open/pthread_kill/none/asleep"
    for signal in ("SIGCONT", "SIGUSR1")
    for disposition in ("ignore", "handler", "handler-restart")
]


def counts(results: schema.Results) -> dict[str, int]:
    return {case.id: case.trials for case in results.cases}


def test_every_case_gets_its_trials() -> None:
    results = Campaign(IDS, 50, roots=ROOTS).run()
    assert counts(results) == dict.fromkeys(IDS, 50)
    for case in results.cases:
        assert sum(case.outcomes.values()) == case.trials
        assert case.status == "measured"


def test_results_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    results = Campaign(IDS, 20, path=path, roots=ROOTS).run()
    loaded = schema.load(path)
    assert loaded.cases == results.cases
    assert loaded.platform == results.platform


def test_a_case_that_cannot_be_run_says_why() -> None:
    gated = "read-pipe/SIGCONT/ignore/open/pthread_kill/nosuch/asleep"
    (case,) = Campaign([gated], 20, roots=ROOTS).run().cases
    assert case.status in ("unsupported", "error")
    assert case.reason
    assert case.trials == 0


def test_a_file_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    Campaign(IDS[:2], 30, path=path, roots=ROOTS).run()
    results = Campaign(IDS, 50, path=path, roots=ROOTS).run()
    assert counts(results) == dict.fromkeys(IDS, 50)


def test_a_finished_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.json"
    Campaign(IDS, 30, path=path, roots=ROOTS).run()
    monkeypatch.setattr(Engine, "measure", no_measuring)
    results = Campaign(IDS, 30, path=path, roots=ROOTS).run()
    assert counts(results) == dict.fromkeys(IDS, 30)


def no_measuring(*_: object, **__: object) -> schema.Case:
    raise AssertionError("measured although nothing was missing")


def test_cases_of_the_file_that_are_not_asked_for_stay(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    Campaign(IDS[:1], 30, path=path, roots=ROOTS).run()
    results = Campaign(IDS[1:2], 20, path=path, roots=ROOTS).run()
    assert counts(results) == {IDS[0]: 30, IDS[1]: 20}


def test_an_older_definition_is_measured_afresh(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    old = Campaign(IDS[:2], 30, path=path, roots=ROOTS).run()
    old.cases[0].definition = "0" * 16
    schema.save(old, path)
    plan = Campaign(IDS[:2], 30, path=path, roots=ROOTS)
    results = plan.run()
    assert plan.outdated == [old.cases[0].id]
    assert counts(results) == dict.fromkeys(IDS[:2], 30)
    assert "0" * 16 not in {case.definition for case in results.cases}


def test_another_platforms_file_is_refused_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    foreign = Campaign(IDS[:1], 10, path=path, roots=ROOTS).run()
    foreign.platform.id = "freebsd-14.1-amd64-libc"
    schema.save(foreign, path)
    before = path.read_bytes()
    monkeypatch.setattr(Engine, "measure", no_measuring)
    with pytest.raises(Fault, match=r"freebsd-14\.1-amd64-libc") as raised:
        Campaign(IDS, 50, path=path, roots=ROOTS).run()
    assert raised.value.status == 2
    assert path.read_bytes() == before


def test_a_file_that_is_no_results_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("my thesis")
    with pytest.raises(Fault, match=r"r\.json"):
        Campaign(IDS, 50, path=path, roots=ROOTS).run()
    assert path.read_text() == "my thesis"


def test_an_executor_gives_the_totals_of_a_serial_run() -> None:
    with campaign.pool(2) as pool:
        results = Campaign(IDS, 50, roots=ROOTS).run(pool)
    assert counts(results) == dict.fromkeys(IDS, 50)


def test_any_executor_will_do() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = Campaign(IDS[:2], 50, roots=ROOTS).run(pool)
    assert counts(results) == dict.fromkeys(IDS[:2], 50)


def test_pieces_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "PIECE_TRIALS", 30)
    pieces = list(Task(IDS[0], 100, 7).pieces())
    assert [piece.trials for piece in pieces] == [30, 30, 30, 10]
    assert len({piece.seed for piece in pieces}) == 4
    with ThreadPoolExecutor(2) as pool:
        (case,) = Campaign(IDS[:1], 100, roots=ROOTS).run(pool).cases
    assert case.trials == 100


class Interrupting(Executor):
    """Finishes the first task; the user presses ^C at the second; the others are still queued."""

    def __init__(self) -> None:
        self.submitted: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if not self.submitted:
            future.set_result(fn(*args, **kwargs))
        elif len(self.submitted) == 1:
            future.set_exception(KeyboardInterrupt())
        self.submitted.append(future)
        return future


def test_control_c_keeps_what_an_executor_finished(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    executor = Interrupting()
    plan = Campaign(IDS, 20, path=path, roots=ROOTS)
    plan.run(executor)
    assert plan.interrupted
    assert counts(schema.load(path)) == {IDS[0]: 20}
    assert all(future.cancelled() for future in executor.submitted[2:])


class AtOnce(Executor):
    """Has finished every task as soon as it is handed in."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_control_c_between_two_results_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "done", pressed)
    plan = Campaign(IDS, 20, roots=ROOTS)
    results = plan.run(AtOnce())
    assert plan.interrupted
    assert counts(results) == dict.fromkeys(IDS, 20)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_processes_that_die_after_control_c_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = campaign._finished

    def pressed(futures: Any) -> Any:
        while sum(future.running() for future in futures) < 3:  # more than the pool has processes
            time.sleep(0.001)
        raise KeyboardInterrupt

    def killed(futures: Any) -> Any:
        for child in multiprocessing.active_children():
            child.kill()
        return finished(futures)

    monkeypatch.setattr(campaign, "as_completed", pressed)
    monkeypatch.setattr(campaign, "_finished", killed)
    plan = Campaign(IDS, 100_000, roots=ROOTS)
    with campaign.pool(2) as pool:
        plan.run(pool)
    assert plan.interrupted


def test_control_c_between_two_results_ends_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "done", pressed)
    plan = Campaign(IDS, 10_000_000, roots=ROOTS)
    with campaign.pool(2) as pool:
        plan.run(pool)
    left = multiprocessing.active_children()
    for child in left:
        child.kill()
    assert plan.interrupted
    assert not left


def test_control_c_keeps_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.json"
    plan = Campaign(IDS, 100, path=path, roots=ROOTS)
    measure = Engine.measure

    def pressed(self: Engine, id: str, *rest: Any) -> schema.Case:
        case = measure(self, id, *rest)
        if id == IDS[1]:
            raise Interrupted(case)
        return case

    monkeypatch.setattr(Engine, "measure", pressed)
    plan.run()
    assert plan.interrupted
    assert counts(schema.load(path)) == {IDS[0]: 100, IDS[1]: 100}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(Fault, match="full.*No space") as raised:
        Campaign(IDS[:2], 20, path=Path("/dev/full"), roots=ROOTS).run()
    (rescued,) = tmp_path.glob("sigprobe-*.json")
    assert str(rescued) in str(raised.value)
    assert counts(schema.load(rescued)) == dict.fromkeys(IDS[:2], 20)


def test_a_place_that_cannot_be_written_is_refused_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "measure", no_measuring)
    for place in (tmp_path / "no" / "folder.json", tmp_path):
        with pytest.raises(Fault, match="cannot be written") as raised:
            Campaign(IDS, 20, path=place, roots=ROOTS).run()
        assert raised.value.status == 2


def test_a_check_for_writing_leaves_no_file(tmp_path: Path) -> None:
    campaign.check_writable(tmp_path / "new.json")
    assert list(tmp_path.iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_progress_is_for_terminals(stream: io.StringIO, shown: bool) -> None:
    progress = Progress(2, stream)
    progress.at(Task(IDS[0], 100, 1), 40)
    progress.clear()
    assert (IDS[0] in stream.getvalue()) == shown
    assert "\n" not in stream.getvalue()
