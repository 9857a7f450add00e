# SPDX-License-Identifier: BSD-2-Clause
"""The only door to the C engine: ctypes twins of probes/c/sigprobe.h, and a case measured.

tests/probes/test_twins.py holds every structure and constant here against the C compiler's.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from ctypes import (
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint,
    c_uint64,
    c_void_p,
)
from enum import IntEnum
from pathlib import Path
from typing import Any

from attrs import frozen

from probes import build, cases
from reports import schema
from reports.schema import Fault

ID_SIZE = 192
TEXT_SIZE = 256
BUCKETS = 640
STEPS = 81
OUTCOMES = 13
SIGHTINGS = 4
RUNNERS = 3

POLL_MS = 50


class Kind(IntEnum):
    """What can be asked for by name."""

    CALL = 0
    SENDER = 1
    WATCHER = 2
    SIGNAL = 3
    KICK = 4


class Status(IntEnum):
    """Whether a case can be, or was, measured."""

    MEASURED = 0
    UNSUPPORTED = 1
    ERROR = 2


class Request(Structure):
    """struct sp_request: a case, and how often."""

    _fields_ = [
        ("id", c_char * ID_SIZE),
        ("trials", c_uint64),
        ("seed", c_uint64),
        ("patience_ms", c_uint64),
        ("sweep_first_ns", c_int64),
        ("sweep_step_ns", c_int64),
        ("sweep_steps", c_uint64),
    ]


class Result(Structure):
    """struct sp_result: the counts of one case."""

    _fields_ = [
        ("id", c_char * ID_SIZE),
        ("definition", c_char * 24),
        ("reason", c_char * TEXT_SIZE),
        ("note", c_char * TEXT_SIZE),
        ("where", c_char * 64),
        ("status", c_int32),
        ("method", c_int32),
        ("traced", c_int32),
        ("reserved", c_int32),
        ("trials", c_uint64),
        ("reached", c_uint64),
        ("late", c_uint64),
        ("kicks", c_uint64),
        ("outcomes", c_uint64 * OUTCOMES),
        ("sightings", c_uint64 * SIGHTINGS),
        ("handler", c_uint64 * RUNNERS),
        ("latency_max_ns", c_uint64),
        ("latency", c_uint64 * BUCKETS),
        ("nanoseconds", c_uint64),
        ("sweep_first_ns", c_int64),
        ("sweep_step_ns", c_int64),
        ("sweep_steps", c_uint64),
        ("sweep", c_uint64 * OUTCOMES * STEPS),
    ]


class Machine(Structure):
    """struct sp_machine: what the engine knows of this machine."""

    _fields_ = [
        ("reader", c_char * 32),
        ("level", c_char * 16),
        ("libc", c_char * 32),
        ("compiler", c_char * 64),
        ("emulation", c_char * 32),
        ("tracer", c_char * 32),
        ("kqueue", c_char * 16),
        ("cpu", c_char * 16),
        ("cpus", c_uint64),
    ]


@frozen
class Sweep:
    """The offsets (ns) of a sweep: the first, the distance between two, how many."""

    first_ns: int
    step_ns: int
    steps: int


class Interrupted(KeyboardInterrupt):
    """^C during a case; `case` is the record of the trials that were done."""

    def __init__(self, case: schema.Case) -> None:
        """Keep what was measured."""
        super().__init__()
        self.case = case


# Function -> its result and arguments, as sigprobe.h declares them.
PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "sp_version": (c_char_p, []),
    "sp_outcome_name": (c_char_p, [c_uint]),
    "sp_sighting_name": (c_char_p, [c_uint]),
    "sp_runner_name": (c_char_p, [c_uint]),
    "sp_method_name": (c_char_p, [c_uint]),
    "sp_status_name": (c_char_p, [c_uint]),
    "sp_count": (c_size_t, [c_uint]),
    "sp_name": (c_char_p, [c_uint, c_size_t]),
    "sp_purpose": (c_char_p, [c_uint, c_char_p]),
    "sp_signal_number": (c_int, [c_char_p]),
    "sp_bucket_floor": (c_uint64, [c_uint]),
    "sp_check": (c_int, [c_char_p, c_char_p, c_size_t]),
    "sp_definition": (None, [c_char_p, c_char_p]),
    "sp_machine": (None, [POINTER(Machine)]),
    "sp_start": (c_void_p, [POINTER(Request)]),
    "sp_poll": (c_int, [c_void_p, c_int]),
    "sp_progress": (c_uint64, [c_void_p]),
    "sp_stop": (None, [c_void_p]),
    "sp_finish": (None, [c_void_p, POINTER(Result)]),
}


class Engine:
    """A loaded engine."""

    def __init__(self, library: Path) -> None:
        """Load a shared library; Fault (3) when it cannot be loaded."""
        try:
            self._c = ctypes.CDLL(str(library), use_errno=True)
        except OSError as error:
            raise Fault(f"the engine cannot be loaded: {error}", 3) from error
        for name, (result, arguments) in PROTOTYPES.items():
            function = getattr(self._c, name)
            function.restype, function.argtypes = result, arguments
        self.outcomes = self._words(self._c.sp_outcome_name)
        self.sightings = self._words(self._c.sp_sighting_name)
        self.runners = self._words(self._c.sp_runner_name)
        self.methods = self._words(self._c.sp_method_name)

    @staticmethod
    @functools.cache
    def load(*roots: Path) -> Engine:
        """Return the engine of some roots (of probes alone where none is named), built if need be.

        Fault (3) when it cannot be built or loaded.
        """
        return Engine(build.library(roots or (cases.PROBES,)))

    @staticmethod
    def _words(ask: Callable[[int], bytes | None]) -> tuple[str, ...]:
        def each() -> Iterator[str]:
            number = 0
            while (word := ask(number)) is not None:
                yield word.decode()
                number += 1

        return tuple(each())

    def version(self) -> str:
        """Return the engine's version."""
        return str(self._c.sp_version().decode())

    def names(self, kind: Kind) -> list[str]:
        """Return the sorted names of a kind that this build knows."""
        count = self._c.sp_count(kind)
        return [self._c.sp_name(kind, index).decode() for index in range(count)]

    def purpose(self, kind: Kind, name: str) -> str | None:
        """Return a phrase that says what a name stands for, None for an unknown one."""
        phrase: bytes | None = self._c.sp_purpose(kind, name.encode())
        return None if phrase is None else phrase.decode()

    def signal_number(self, name: str) -> int:
        """Return a signal's number here, 0 where there is no such signal."""
        return int(self._c.sp_signal_number(name.encode()))

    def check(self, id: str) -> tuple[Status, str]:
        """Return whether a case can be measured here and, if not, why."""
        reason = ctypes.create_string_buffer(TEXT_SIZE)
        status = Status(self._c.sp_check(id.encode(), reason, TEXT_SIZE))
        return status, _text(reason.value)

    def definition(self, id: str) -> str:
        """Return the 16 hexadecimal digits that stand for how a case is measured."""
        out = ctypes.create_string_buffer(24)
        self._c.sp_definition(id.encode(), out)
        return out.value.decode()

    def machine(self) -> dict[str, str | int]:
        """Return what the engine knows of this machine, empty text where it knows nothing."""
        out = Machine()
        self._c.sp_machine(ctypes.byref(out))
        values = ((name, getattr(out, name)) for name, *_ in Machine._fields_)
        return {name: _text(v) if isinstance(v, bytes) else int(v) for name, v in values}

    def measure(
        self,
        id: str,
        trials: int,
        seed: int = 1,
        sweep: Sweep | None = None,
        on_progress: Callable[[int], None] | None = None,
        patience_ms: int = 0,
    ) -> schema.Case:
        """Run a case that often and return its record.

        `on_progress` is told the trials done so far, several times a second. `patience_ms` is how
        long a trial may go without progress before it counts as hung (0: the engine's own).
        Interrupted (a KeyboardInterrupt) carries what was measured. Fault (3) when the sandbox
        cannot be forked.
        """
        request = Request(id.encode(), trials, seed, patience_ms)
        if sweep:
            request.sweep_first_ns = sweep.first_ns
            request.sweep_step_ns = sweep.step_ns
            request.sweep_steps = sweep.steps
        run = self._c.sp_start(ctypes.byref(request))
        if not run:
            raise Fault(f"{id}: no sandbox: {_os_error()}", 3)
        return self._follow(run, on_progress or (lambda done: None))

    def _follow(self, run: int, on_progress: Callable[[int], None]) -> schema.Case:
        result = Result()
        stopped = False
        try:
            while self._c.sp_poll(run, POLL_MS):
                on_progress(self._c.sp_progress(run))
        except KeyboardInterrupt:
            stopped = True
            self._stop(run)
        finally:
            self._c.sp_finish(run, ctypes.byref(result))
        record = self._record(result)
        if stopped:
            raise Interrupted(record)
        return record

    def _stop(self, run: int) -> None:
        """Let the trial in hand end; sp_finish ends one that does not within a second."""
        self._c.sp_stop(run)
        for _ in range(1000 // POLL_MS):
            if not self._c.sp_poll(run, POLL_MS):
                return

    def _record(self, result: Result) -> schema.Case:
        case = schema.Case.blank(
            _text(result.id),
            _text(result.definition),
            Status(result.status).name.lower(),
            _text(result.reason) or None,
        )
        case.note = _text(result.note) or None
        case.trials = result.trials
        case.outcomes = _counts(self.outcomes, result.outcomes)
        case.sightings = schema.Sightings(*result.sightings)
        case.handler = schema.Handler(*result.handler)
        case.method = self.methods[result.method]
        case.traced = bool(result.traced)
        case.reached, case.late = result.reached, result.late
        case.latency_ns = self._latency(result)
        case.seconds = round(result.nanoseconds / 1e9, 6)
        case.sweep = self._sweep(result)
        case.kicks = result.kicks if case.id.startswith("blockif/") else None
        return case

    def _latency(self, result: Result) -> schema.Latency:
        floor = self._c.sp_bucket_floor
        counts = {int(floor(n)): int(count) for n, count in enumerate(result.latency) if count}
        return schema.Latency.of(counts, result.latency_max_ns)

    def _sweep(self, result: Result) -> list[schema.SweepStep] | None:
        steps = (
            (result.sweep_first_ns + n * result.sweep_step_ns, result.sweep[n])
            for n in range(result.sweep_steps)
        )
        counted = [schema.SweepStep(at, _counts(self.outcomes, row)) for at, row in steps]
        return [step for step in counted if step.outcomes] or None


def _counts(words: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    return {word: int(count) for word, count in zip(words, counts, strict=True) if count}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _os_error() -> str:
    return os.strerror(ctypes.get_errno())
