# SPDX-License-Identifier: BSD-2-Clause
"""Many cases: order, progress, interruption, resume, any concurrent.futures Executor.

Every count merges by addition, so a campaign can be cut anywhere: what is saved is a results file
like any other, and a later campaign with the same file goes on where this one ended.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
)
from contextlib import closing, suppress
from datetime import datetime, timezone
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from threading import Thread
from typing import Any, TextIO

from attrs import define, evolve, field, frozen

from probes import machine
from probes.engine import Engine, Interrupted, Status, Sweep
from reports import schema
from reports.schema import Fault

SAVE_EVERY_SECONDS = 10.0
PIECE_TRIALS = 5_000

ENDINGS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
Cases = Generator[schema.Case, None, None]


@frozen
class Task:
    """A case to be measured that often; it can be sent to another process."""

    id: str
    trials: int
    seed: int
    sweep: Sweep | None = None

    def pieces(self) -> Iterator[Task]:
        """Yield tasks that make up this one, each short enough to be waited for after ^C."""
        for start in range(0, self.trials, PIECE_TRIALS):
            trials = min(PIECE_TRIALS, self.trials - start)
            yield evolve(self, trials=trials, seed=self.seed + start)


def work(
    task: Task, roots: tuple[Path, ...] = (), on_progress: Callable[[int], None] | None = None
) -> schema.Case:
    """Measure a case with this process's own engine."""
    engine = Engine.load(*roots)
    return engine.measure(task.id, task.trials, task.seed, task.sweep, on_progress)


def pool(jobs: int) -> Executor:
    """Return an executor of that many processes on this machine, which end with this one."""
    return _Pool(jobs, initializer=_leave_to_parent)


class _Pool(ProcessPoolExecutor):
    def submit(self, *words: Any, **named: Any) -> Future[Any]:
        """Start the processes at the first task; Fault (3), and none left, when they cannot be.

        They start with the signals blocked that _leave_to_parent is about.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            return super().submit(*words, **named)
        except OSError as error:
            for started in multiprocessing.active_children():
                started.kill()
            raise Fault(f"cannot start a process for a job: {error.strerror}", 3) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_to_parent() -> None:
    """Let ^C and a hang-up, which go to all, be the parent's business: pieces are short.

    SIGTERM is how a pool ends the rest when one has died. A parent that is killed takes its
    processes with it.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    if parent := multiprocessing.parent_process():
        Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


class Progress:
    """A line on standard error that says how far the campaign is; nothing unless a terminal."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        """Count up to `total` cases."""
        self._stream = sys.stderr if stream is None else stream
        self._total = total
        self._done = 0
        self._shown = self._stream.isatty()

    def at(self, task: Task, trials: int) -> None:
        """Show the case in hand and its trials."""
        self._write(f"{self._done}/{self._total} {task.id} {trials:,} of {task.trials:,}")

    def done(self, case: schema.Case) -> None:
        """Count a finished case."""
        self._done += 1
        self._write(f"{self._done}/{self._total} {case.id}")

    def clear(self) -> None:
        """Leave the line empty."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._shown:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{text[:width]:<{width}}\r")
            self._stream.flush()


@define
class Campaign:
    """Cases to measure on this machine, and what is known of them so far.

    `path` is where the results are kept; an existing file there is continued. `roots` are the
    folders whose C sources make the engine (empty: probes alone).
    """

    ids: Sequence[str]
    trials: int = 1000
    seed: int = 1
    path: Path | None = None
    roots: tuple[Path, ...] = ()
    sweep: Sweep | None = None
    interrupted: bool = field(init=False, default=False)
    outdated: list[str] = field(
        init=False, factory=list
    )  # in the file, measured by an older definition
    _records: dict[str, schema.Case] = field(init=False, factory=dict)
    _previous: schema.Results | None = field(init=False, default=None)
    _started: float = field(init=False, factory=time.time)
    _saved: float = field(init=False, factory=time.monotonic)

    def run(self, executor: Executor | None = None) -> schema.Results:
        """Measure what is still missing and return all results, those of the file included.

        `executor` spreads the cases; without one they are measured here, in order. ^C ends the
        campaign early and sets `interrupted`. Fault when the file is not for this platform, or
        cannot be written.
        """
        self._resume()
        tasks = list(self._tasks())
        if executor:
            tasks = [piece for task in tasks for piece in task.pieces()]
        progress = Progress(len(tasks))
        measured = self._spread(tasks, executor) if executor else self._serial(tasks, progress)
        try:
            with closing(measured):
                self._collect(measured, progress)
        except Interrupted as stopped:
            self._add(stopped.case)
            self.interrupted = True
        except KeyboardInterrupt:
            self.interrupted = True
        except Fault:
            self._save()
            raise
        finally:
            progress.clear()
        self._save()
        return self.results()

    def results(self) -> schema.Results:
        """Return what is known so far: the file's cases and the new ones, sorted by id."""
        new = schema.Results(
            platform=machine.fingerprint(self._engine()),
            run=run_of(self._engine(), self._started, self.seed),
            cases=sorted(self._records.values(), key=lambda case: case.id),
        )
        return schema.merge(self._previous, new) if self._previous else new

    def _engine(self) -> Engine:
        return Engine.load(*self.roots)

    def _resume(self) -> None:
        if self.path is None:
            return
        check_writable(self.path)
        if not self.path.is_file() or not self.path.stat().st_size:
            return
        previous = schema.load(self.path)
        here = machine.fingerprint(self._engine()).id
        if previous.platform.id != here:
            raise Fault(f"{self.path}: holds results of {previous.platform.id}, this is {here}")
        asked = set(self.ids)
        definition = self._engine().definition
        self.outdated = [
            case.id
            for case in previous.cases
            if case.id in asked and case.trials and case.definition != definition(case.id)
        ]
        # A case without trials, or of an older definition, is measured afresh.
        drop = {case.id for case in previous.cases if case.id in asked and not case.trials}
        kept = [case for case in previous.cases if case.id not in drop | set(self.outdated)]
        self._previous = evolve(previous, cases=kept)

    def _tasks(self) -> Iterator[Task]:
        """Yield what is to be measured; cases that cannot be are recorded on the way."""
        engine = self._engine()
        done = {case.id: case.trials for case in self._previous.cases} if self._previous else {}
        for id in self.ids:
            status, reason = engine.check(id)
            had = done.get(id, 0)
            if status is not Status.MEASURED:
                word = status.name.lower()
                self._add(schema.Case.blank(id, engine.definition(id), word, reason))
            elif had < self.trials:
                yield Task(id, self.trials - had, self.seed + had, self.sweep)

    def _serial(self, tasks: Iterable[Task], progress: Progress) -> Cases:
        for task in tasks:
            yield work(task, self.roots, partial(progress.at, task))

    def _spread(self, tasks: Iterable[Task], executor: Executor) -> Cases:
        waiting: set[Future[schema.Case]] = set()
        try:
            for task in tasks:
                waiting.add(executor.submit(work, task, self.roots))
            for future in as_completed(set(waiting)):
                waiting.discard(future)
                yield future.result()
        except BrokenExecutor as error:
            raise Fault("a process that had a job died", 3) from error
        except KeyboardInterrupt:
            _withdraw(executor, waiting)
            yield from _finished(waiting)
            raise
        finally:
            if waiting:
                _withdraw(executor, waiting)

    def _collect(self, measured: Cases, progress: Progress) -> None:
        try:
            for case in measured:
                self._add(case)
                progress.done(case)
                self._save_now_and_then()
        except KeyboardInterrupt:
            for case in _rest(measured):
                self._add(case)
            raise

    def _add(self, case: schema.Case) -> None:
        known = self._records.get(case.id)
        self._records[case.id] = schema.merge_cases(known, case) if known else case

    def _save_now_and_then(self) -> None:
        """Save for the case of a crash; a full disk may have room again at the end."""
        if self.path is not None and time.monotonic() - self._saved > SAVE_EVERY_SECONDS:
            with suppress(Fault):
                schema.save(self.results(), self.path)
            self._saved = time.monotonic()

    def _save(self) -> None:
        """Save for good; Fault says where the results are when they cannot be at the path."""
        if self.path is None:
            return
        try:
            schema.save(self.results(), self.path)
        except Fault as fault:
            raise Fault(f"{fault}; {_rescue(self.results())}", fault.status) from fault


def run_of(engine: Engine, started: float, seed: int) -> schema.Run:
    """Describe a run that began then (time.time()) and ends now."""
    began = datetime.fromtimestamp(started, timezone.utc)
    return schema.Run(
        tool=engine.version(),
        started=began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=max(time.time() - started, 0.0),
        seed=seed,
        python=".".join(map(str, sys.version_info[:3])),
    )


def _rescue(results: schema.Results) -> str:
    """Put results where there is room, and say where that is."""
    text = schema.dumps(results)
    try:
        path = Path(gettempdir(), f"sigprobe-{secrets.token_hex(4)}.json")
        schema.write_whole(path, text)
    except (OSError, Fault):
        sys.stdout.write(text)
        return "the results are on standard output"
    return f"the results are in {path}"


def _rest(measured: Cases) -> Iterator[schema.Case]:
    """Yield what has been measured already when ^C comes while another result is put away."""
    with suppress(KeyboardInterrupt, StopIteration):
        yield measured.throw(KeyboardInterrupt)
        yield from measured


def _withdraw(executor: Executor, waiting: Iterable[Future[schema.Case]]) -> None:
    """Let nothing start that has not started yet.

    A pool must do that itself, and is waited for: when a process has died, its thread falls over
    futures that others cancelled, and a second shutdown() would take back what the first one said
    (CPython 3.11, concurrent/futures/process.py).
    """
    if isinstance(executor, _Pool):
        executor.shutdown(cancel_futures=True)
        return
    for future in waiting:
        future.cancel()


def _finished(futures: Iterable[Future[schema.Case]]) -> Iterator[schema.Case]:
    """Yield what was under way; what a SIGTERM to the whole group has ended is lost."""
    for future in futures:
        with suppress(BrokenExecutor, CancelledError):
            yield future.result()


def check_writable(path: Path) -> None:
    """Raise Fault, before any time is spent, when results could not be put at a path."""
    existed = path.exists()
    if existed and not path.is_file() and not path.is_dir():
        return  # a pipe's reader would take the end of a try for the end of the results
    try:
        with path.open("ab"), TemporaryFile(dir=path.resolve().parent):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise Fault(f"{path}: cannot be written: {error.strerror}") from error
