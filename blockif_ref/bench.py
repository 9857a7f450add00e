# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark: how fast requests pass through, and how soon a cancel is back.

What is compared is measured in turn in the same run, several rounds, and the medians are set in
relation: the machine's mood then meets all alike. fio, where it is installed, does the same work.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from ctypes import byref
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from tabulate import tabulate

import blockif_ref
from blockif_ref import door
from probes.engine import Engine, Kind, Status
from reports.schema import Fault

SIZE = 256 << 20  # bytes: fits the cache of any machine that is fit to be measured
DEPTHS = (1, 8, 32)
WORKERS = (1, 8)
BARE = "read-socket/SIGUSR1/handler/open/pthread_kill/none/asleep"


@frozen
class Work:
    """What is done to the file: fio's name for it, the operation, bytes a request."""

    name: str
    operation: int
    random: bool
    bytes: int


@frozen
class Rate:
    """Requests a second that one way of doing some work reached, the median of the rounds."""

    work: str
    depth: int
    by: str
    requests_per_second: float
    spread: float  # of the rounds: largest less smallest, over the median


@frozen
class Delay:
    """How long one kick took from the call of cancel to its return, in ns."""

    kick: str
    p50: int
    p99: int
    bare: float  # p50 over the p50 of a bare signal to EINTR


WORKS = (
    Work("randread", 0, True, 4096),
    Work("randwrite", 1, True, 4096),
    Work("read", 0, False, 128 * 1024),
    Work("write", 1, False, 128 * 1024),
)
FIO_ENGINES = ("psync", "posixaio", "libaio", "io_uring")


def rates(
    seconds: float,
    rounds: int,
    works: Sequence[Work] = WORKS,
    depths: Sequence[int] = DEPTHS,
    folder: Path | None = None,
) -> list[Rate]:
    """Measure all work at all depths; `seconds` is the time each gets in each round.

    The file, of SIZE bytes, is made in `folder` (a temporary one) and removed. OSError when there
    is no room; Fault when fio fails.
    """
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        image = Path(scratch) / "image"
        with image.open("wb") as file:
            for _ in range(SIZE >> 20):
                file.write(os.urandom(1 << 20))
        points = [(work, depth) for work in works for depth in depths]
        return [
            rate
            for work, depth in points
            for rate in _in_turn(work, depth, _ways(image, work, depth, seconds), rounds)
        ]


Way = Callable[[], float]


def _ways(image: Path, work: Work, depth: int, seconds: float) -> dict[str, Way]:
    """Return the competitors."""
    ways: dict[str, Way] = {}
    for workers in WORKERS:
        name = f"{workers} worker{'s' * (workers > 1)}"
        ways[name] = _port(image, work, depth, workers, seconds)
    for engine in FIO_ENGINES if shutil.which("fio") else ():
        ways[f"fio {engine}"] = _fio(image, work, depth, engine, seconds)
    return ways


def _in_turn(work: Work, depth: int, ways: dict[str, Way], rounds: int) -> Iterator[Rate]:
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seen[name].append(way())
    for name, found in seen.items():
        middle = statistics.median(found)
        if middle:
            spread = (max(found) - min(found)) / middle
            yield Rate(work.name, depth, name, round(middle, 1), round(spread, 3))


def _port(image: Path, work: Work, depth: int, workers: int, seconds: float) -> Way:
    """The block layer itself, driven from C."""

    def run() -> float:
        library = door.library()
        load = door.Load()
        requests, rate = 4 * depth, 0.0
        with blockif_ref.open(image, kick="wait", workers=workers) as disk:
            while load.nanoseconds < seconds * 5e8:  # a run of at least half the time counts
                job = door.Job(work.operation, work.random, depth, work.bytes, requests, 1)
                failed = library.bench_run(disk._handle, byref(job), byref(load))
                if failed or load.errors:
                    raise OSError(failed, f"{work.name}: {load.errors} requests failed")
                rate = load.requests * 1e9 / load.nanoseconds
                requests = max(4 * depth, int(rate * seconds))
        return rate

    return run


def _fio(image: Path, work: Work, depth: int, engine: str, seconds: float) -> Way:
    """The same work by fio; psync, which has no depth, gets 8 jobs, or one at depth 1."""
    jobs = (8 if depth > 1 else 1) if engine == "psync" else 1
    command = [
        "fio",
        "--name=sigprobe",
        f"--filename={image}",
        f"--size={SIZE}",
        f"--rw={work.name}",
        f"--bs={work.bytes}",
        f"--ioengine={engine}",
        f"--iodepth={1 if engine == 'psync' else depth}",
        f"--numjobs={jobs}",
        "--thread",
        "--group_reporting",
        "--time_based",
        f"--runtime={int(seconds * 1000)}ms",
        "--invalidate=0",
        "--overwrite=1",
        "--output-format=json",
    ]

    def run() -> float:
        done = subprocess.run(command, capture_output=True, text=True, cwd=image.parent)
        if done.returncode:
            return 0.0  # this build or this system lacks the engine
        try:
            report = json.loads(done.stdout[done.stdout.index("{") :])
            return float(report["jobs"][0]["read" if "read" in work.name else "write"]["iops"])
        except (ValueError, KeyError, IndexError) as error:
            raise Fault(f"fio gave no report that can be read: {error}", 3) from error

    return run


def delays(trials: int) -> list[Delay]:
    """Measure cancel on a sleeping read for each kick, beside a bare signal to EINTR."""
    engine = Engine.load(*door.ROOTS)
    bare = engine.measure(BARE, trials).latency_ns.p50
    found = [Delay("(bare signal)", bare, engine.measure(BARE, trials).latency_ns.p99, 1.0)]
    for kick in engine.names(Kind.KICK):
        id = f"blockif/{kick}/read/stalled/asleep"
        if engine.check(id)[0] != Status.MEASURED:
            continue
        latency = engine.measure(id, trials).latency_ns
        if latency.max:
            ratio = round(latency.p50 / bare, 2) if bare else 0.0
            found.append(Delay(kick, latency.p50, latency.p99, ratio))
    return found


def python_rate(seconds: float) -> float:
    """Return the requests a second that Python submits and completes in batches of 64."""
    batch = [blockif_ref.Read(bytearray(4096), n * 4096) for n in range(64)]
    count, until = 0, time.perf_counter() + seconds
    began = time.perf_counter()
    with tempfile.NamedTemporaryFile() as file:
        file.write(bytes(64 * 4096))
        file.flush()
        with blockif_ref.open(file.name, kick="wait") as disk:
            while time.perf_counter() < until:
                disk.wait(disk.submit(batch))
                count += len(batch)
    return count / (time.perf_counter() - began)


def report(
    seconds: float = 0.5, rounds: int = 3, trials: int = 1000, depths: Sequence[int] = DEPTHS
) -> dict[str, Any]:
    """Measure everything; the keys are rates, delays and python."""
    return {
        "rates": [asdict(rate) for rate in rates(seconds, rounds, WORKS, depths)],
        "delays": [asdict(delay) for delay in delays(trials)],
        "python": round(python_rate(seconds), 1),
    }


def text(found: dict[str, Any]) -> str:
    """Return a report as tables: the port's rates with fio's as ratios, and the delays."""
    return "\n\n".join(
        [
            "Requests a second, and the port's 8 workers over each of fio's engines "
            "(psync: 8 jobs at depth 8 and 32)",
            tabulate(_rows(found["rates"]), headers="keys", floatfmt=".2f"),
            "Cancel of a sleeping read, from call to return",
            tabulate(
                [
                    {
                        "kick": row["kick"],
                        "p50 µs": row["p50"] / 1000,
                        "p99 µs": row["p99"] / 1000,
                        "× bare": row["bare"],
                    }
                    for row in found["delays"]
                ],
                headers="keys",
                floatfmt=".2f",
            ),
            f"From Python, in batches of 64: {found['python']:,.0f} requests a second",
        ]
    )


def _rows(rates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_point: dict[tuple[str, int], dict[str, float]] = {}
    for rate in rates:
        point = by_point.setdefault((rate["work"], rate["depth"]), {})
        point[rate["by"]] = rate["requests_per_second"]
    rows = []
    for (work, depth), point in by_point.items():
        row: dict[str, Any] = {"work": work, "depth": depth}
        for name, value in point.items():
            if not name.startswith("fio "):
                row[name] = f"{value:,.0f}"
        best = point["8 workers"]
        row |= {f"/ {name}": best / v for name, v in point.items() if name.startswith("fio ")}
        rows.append(row)
    return rows
