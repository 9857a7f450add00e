# SPDX-License-Identifier: BSD-2-Clause
"""What the engine's tests share: C compiled on the spot, and sigprobe run as its users run it."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from ctypes import CDLL
from pathlib import Path

from probes import build, cases
from probes.engine import Engine
from sigprobe import ROOTS

TOP = Path(__file__).resolve().parents[2]
FAULTS = Path(__file__).parent / "faults"


@functools.cache
def library() -> CDLL:
    """Return the engine's library itself, for functions that Python has no door to."""
    return CDLL(str(build.library((cases.PROBES,))))


def header(name: str) -> str:
    """Return the text of one of the engine's headers, without its comments."""
    text = (cases.PROBES / "c" / name).read_text("utf-8")
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def compiled(source: Path, to: Path, *flags: str) -> Path:
    """Compile one C file strictly and return what came of it."""
    strict = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread")
    command = [*build.toolchain().command, *strict, str(source), "-o", str(to), *flags]
    subprocess.run(command, check=True)
    return to


def preload(name: str, folder: Path) -> dict[str, str]:
    """Return the environment in which one of the faults/ gets between the engine and its libc."""
    fault = compiled(FAULTS / f"{name}.c", folder / f"{name}.so", "-shared", "-fPIC", "-ldl")
    return {**os.environ, "LD_PRELOAD": str(fault)}


def sigprobe(
    *arguments: str, env: dict[str, str] | None = None, under: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the command line, with its engine built beforehand and without the fault."""
    Engine.load(*ROOTS)
    command = [*under, sys.executable, str(TOP / "sigprobe.py"), *arguments]
    return subprocess.run(command, env=env, cwd=TOP, capture_output=True, text=True)
