# SPDX-License-Identifier: BSD-2-Clause
"""Builds a C file for a target: zig's name of one, or None for this machine's own cc."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kernels.needs import Module, Need, Program
from reports.schema import Fault

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
ZIG = Module("ziglang")
CC = Program("cc", "gcc")


def compiler(target: str | None) -> tuple[Need, list[str]]:
    """Return what compiling for a target needs, and the command it begins with."""
    if target is None:
        return CC, ["cc"]
    static = ["-static"] if target.endswith("musl") else []
    return ZIG, [sys.executable, "-m", "ziglang", "cc", "-target", target, *static]


def build(source: Path, target: str | None, to: Path, flags: Sequence[str] = ()) -> Path:
    """Compile and link `source` into `to` and return it; Fault (3) with the first error."""
    need, command = compiler(target)
    missing = need.missing()
    if missing:
        raise Fault(missing, 3)
    command += ["-O2", "-pthread", *flags, str(source), "-o", str(to)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise Fault(f"{source.name} does not build for {target or 'cc'}: {_first(done.stderr)}", 3)
    return to


def _first(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    faults = [line for line in lines if "error" in line or "undefined" in line]
    return (faults or lines or ["the compiler said nothing"])[0]
