# SPDX-License-Identifier: BSD-2-Clause
"""python -m kernels.cross [TARGET...]: the kit, built for every other system that zig knows.

TARGET is a shell glob over the targets of targets.py. Warnings are errors. Exit status: 0 all
build; 1 one does not; 2 wrong usage; 3 no zig.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

from kernels import build
from kernels.kit import kit_source
from kernels.targets import TARGETS, Target
from reports.schema import Fault


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m kernels.cross", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="as globs (default: all)")
    parser.add_argument("--kit", type=Path, metavar="FILE.c", help="default: made by sigprobe kit")
    asked = parser.parse_args(argv)
    try:
        missing = build.ZIG.missing()
        if missing:
            raise Fault(missing, 3)
        with kit_source(asked.kit) as source:
            return int(not build_all(source, _chosen(asked.targets)))
    except Fault as fault:
        print(f"kernels.cross: {fault}", file=sys.stderr)
        return fault.status


def _chosen(names: Sequence[str]) -> list[Target]:
    wanted = names or ["*"]
    chosen = [target for target in TARGETS if any(fnmatchcase(target.zig, n) for n in wanted)]
    if not chosen:
        known = ", ".join(target.zig for target in TARGETS)
        raise Fault(f"no target matches {' '.join(names)}; they are {known}")
    return chosen


def build_all(source: Path, targets: Sequence[Target]) -> bool:
    """Build for each target, tell of each on standard output, and return whether all did."""
    with (
        tempfile.TemporaryDirectory(prefix="sigprobe-cross-") as folder,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        return all(list(pool.map(lambda target: _one(source, target, Path(folder)), targets)))


def _one(source: Path, target: Target, folder: Path) -> bool:
    started = time.monotonic()
    try:
        build.build(source, target.zig, folder / target.zig, build.STRICT)
        result = f"builds  {target.why}"
    except Fault as fault:
        result = f"fails   {fault}"
    print(f"{target.zig:24} {time.monotonic() - started:4.0f} s  {result}".rstrip(), flush=True)
    return result.startswith("builds")


if __name__ == "__main__":
    sys.exit(main())
