# SPDX-License-Identifier: BSD-2-Clause
"""How fast the engine is, as a ratio against a bare C loop in the same run.

The loop (bare.c) blocks in read, is seen asleep, is sent a signal, and its end is seen; the
engine's trial does the same and proves it. Both run in turn, several times, and the median of the
pairwise ratios counts: the machine's speed drifts, a ratio much less. Linux only.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tabulate import tabulate

from probes.engine import Engine

ROUNDS = 7
TRIALS = 20_000
DISPOSITIONS = ("handler", "ignore")


def built(folder: Path) -> Path:
    """The bare loop, compiled into `folder`; raises CalledProcessError when that fails."""
    program = folder / "bare"
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    source = Path(__file__).with_name("bare.c")
    subprocess.run([compiler, "-O2", "-pthread", str(source), "-o", str(program)], check=True)
    return program


def bare_rate(program: Path, disposition: str) -> float:
    """Trials per second of the bare loop."""
    ran = subprocess.run(
        [program, disposition, str(TRIALS)], check=True, capture_output=True, text=True
    )
    return float(ran.stdout)


def engine_rate(engine: Engine, disposition: str) -> float:
    """Trials per second of the engine, its fork and calibration included."""
    case = f"read-pipe/SIGCONT/{disposition}/open/pthread_kill/none/asleep"
    record = engine.measure(case, trials=TRIALS, seed=1)
    return record.trials / record.seconds


def main() -> int:
    """Print one row a disposition: medians of both rates, and of the ratio with its range."""
    if not sys.platform.startswith("linux"):
        print("bench: the bare loop reads Linux's /proc", file=sys.stderr)
        return 3
    engine = Engine.load()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = built(Path(folder))
        for disposition in DISPOSITIONS:
            pairs = [
                (engine_rate(engine, disposition), bare_rate(program, disposition))
                for _ in range(ROUNDS)
            ]
            ratios = sorted(ours / bare for ours, bare in pairs)
            rows.append(
                [
                    disposition,
                    round(statistics.median(ours for ours, _ in pairs)),
                    round(statistics.median(bare for _, bare in pairs)),
                    f"{statistics.median(ratios):.2f}",
                    f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
                ]
            )
    headers = ["SIGCONT at read-pipe", "engine, trials/s", "bare loop, trials/s", "ratio", "range"]
    print(tabulate(rows, headers=headers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
