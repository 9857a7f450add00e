# SPDX-License-Identifier: BSD-2-Clause
"""What the Promela model says each kick comes to, per kernel and scenario.

The predictions are kept in model/predictions.json, so that reading them needs no model checker;
`regenerate` makes them anew with Debian's spin, and a test holds the two together.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from probes import build
from reports.schema import Fault, Platform, Results, write_whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MODEL = Path(__file__).parent / "model"

# The model prints numbers; their order is cancel.pml's.
KICKS = (
    "wait",
    "evfilt-signal",
    "signalfd",
    "handler",
    "handler-usr1",
    "handler-retry",
    "gate",
    "io-uring",
)
SCENARIOS = ("", "pending", "asleep", "before", "finished", "storm", "close")
OUTCOMES = ("cancelled", "completed", "waited", "hung", "lost")

# A port's stop meets one request asleep and the next wherever it happens to be; the worst counts.
DERIVED = ("port-stop", "slow-trim")
SEVERITY = ("completed", "cancelled", "waited", "lost", "hung")

# kernel -> kick -> scenario -> the outcomes that some interleaving has
Predictions = dict[str, dict[str, dict[str, list[str]]]]


@functools.cache
def predictions() -> Predictions:
    """Return the kept predictions; Fault when the file is not what it should be."""
    path = MODEL / "predictions.json"
    try:
        kept: Predictions = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Fault(f"{path.name}: {error}") from error
    return kept


def outcomes(kernel: str, kick: str, scenario: str) -> list[str]:
    """Return what the model allows, nothing where that kernel has no such kick."""
    return predictions().get(kernel, {}).get(kick, {}).get(scenario, [])


def regenerate() -> Predictions:
    """Ask the model checker; Fault (3) where spin or a C compiler is missing."""
    kernels = tomllib.loads((MODEL / "kernels.toml").read_text("utf-8"))
    return {name: _kernel(name, words) for name, words in sorted(kernels.items())}


def keep(found: Predictions) -> None:
    """Write the predictions to their file."""
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    write_whole(MODEL / "predictions.json", text)


def kernel_of(platform: Platform) -> str:
    """Return the name by which the model knows a platform's kernel."""
    layered = platform.kqueue == "libkqueue" and "libkqueue"
    return layered or (platform.emulation == "gvisor" and "gvisor") or platform.os.lower()


def rows(kernel: str, results: Results | None = None) -> list[dict[str, str]]:
    """Return kick × scenario as predicted, beside what was measured: read, on a stalled device."""
    measured = {case.id: case for case in results.cases} if results else {}
    table = []
    for kick in KICKS:
        if kick not in predictions().get(kernel, {}):
            continue
        row = {"kick": kick}
        for scenario in (*SCENARIOS[1:], *DERIVED):
            operation = "delete" if scenario == "slow-trim" else "read"
            case = measured.get(f"blockif/{kick}/{operation}/stalled/{scenario}")
            seen = list(case.outcomes) if case and case.trials else []
            row[scenario] = _cell(outcomes(kernel, kick, scenario), seen)
        table.append(row)
    return table


def _cell(predicted: list[str], seen: list[str]) -> str:
    text = " or ".join(predicted)
    if not seen:
        return f"({text})"
    beyond = [word for word in seen if word not in predicted]
    return f"{text}, but {' and '.join(beyond)} seen" if beyond else " and ".join(sorted(seen))


def _kernel(name: str, words: dict[str, object]) -> dict[str, dict[str, list[str]]]:
    flags = [
        f"-DSEES_IGNORED={int(bool(words['sees_ignored']))}",
        f"-DCAUGHT_CONT={words['caught_cont']}",
    ]
    lacks = words["lacks"]
    assert isinstance(lacks, list)
    found: dict[str, dict[str, set[str]]] = {}
    for kick, scenario, outcome in _ends(flags):
        if KICKS[kick] not in lacks:
            cell = found.setdefault(KICKS[kick], {}).setdefault(SCENARIOS[scenario], set())
            cell.add(OUTCOMES[outcome])
    for table in found.values():
        table |= dict.fromkeys(DERIVED, _worst(table["asleep"], table["storm"]))
    return {
        kick: {scenario: sorted(cell) for scenario, cell in table.items()}
        for kick, table in found.items()
    }


def _worst(first: set[str], then: set[str]) -> set[str]:
    return {max(a, b, key=SEVERITY.index) for a in first for b in then}


def _ends(flags: list[str]) -> set[tuple[int, int, int]]:
    """Return every (kick, scenario, outcome) that the verifier reaches."""
    spin = shutil.which("spin")
    if not spin:
        raise Fault("no spin found: apt install spin", 3)
    with tempfile.TemporaryDirectory() as folder:
        tools = build.toolchain()
        _run(folder, spin, *flags, "-a", str(MODEL / "cancel.pml"))
        _run(folder, *tools.command, "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c")
        lines = _run(folder, "./pan", "-E", "-m100000").splitlines()
    if not any("errors: 0" in line for line in lines):
        raise Fault("the model's verifier reports errors", 3)
    ends = (line.split() for line in lines)
    return {
        (int(e[0]), int(e[1]), int(e[2])) for e in ends if len(e) == 3 and all(map(str.isdigit, e))
    }


def _run(folder: str, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise Fault(f"{Path(command[0]).name}: {(done.stdout + done.stderr).strip()[:200]}", 3)
    return done.stdout


if __name__ == "__main__":
    keep(regenerate())
