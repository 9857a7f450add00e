# SPDX-License-Identifier: BSD-2-Clause
"""python -m kernels [NAME...] -o FOLDER: one results file from each kernel within reach.

NAME is a shell glob over the names that --list shows. Exit status: 0 every kernel that is not gated
answered; 1 one did not; 2 wrong usage; 3 the machine lacks something; 130 ^C.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from kernels.kernel import Kernel
from kernels.kit import kit_source
from kernels.measure import Answer, kits, measure
from kernels.table import KERNELS
from reports.schema import Fault


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    asked = _parser().parse_args(argv)
    try:
        chosen = _chosen(asked.names)
        if asked.list:
            return _list(chosen)
        if asked.install:
            return _install(chosen)
        return _measure(chosen, asked)
    except Fault as fault:
        print(f"kernels: {fault}", file=sys.stderr)
        return fault.status
    except KeyboardInterrupt:
        print("kernels: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kernels", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="kernels, as globs (default: all)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show them and why any cannot start")
    what.add_argument("--install", action="store_true", help="get what they need (Debian, root)")
    parser.add_argument("-o", "--output", type=Path, default=Path("results"), metavar="FOLDER")
    parser.add_argument("--kit", type=Path, metavar="FILE.c", help="default: made by sigprobe kit")
    parser.add_argument("--minutes", type=float, default=18, help="limit for all of it (18)")
    parser.add_argument(
        "--trials", type=int, help="trials a case (default: each kernel's own number)"
    )
    parser.add_argument("--pattern", action="append", default=[], help="cases (glob); repeatable")
    return parser


def _chosen(names: Sequence[str]) -> list[Kernel]:
    for name in names:
        if not any(fnmatchcase(kernel.name, name) for kernel in KERNELS):
            raise Fault(
                f"no kernel is called {name}; they are {', '.join(k.name for k in KERNELS)}"
            )
    wanted = names or ["*"]
    return [kernel for kernel in KERNELS if any(fnmatchcase(kernel.name, n) for n in wanted)]


def _list(kernels: Sequence[Kernel]) -> int:
    for kernel in kernels:
        print(f"{kernel.name:18} {kernel.what:58} {kernel.gate() or 'ready'}")
    return 0


def _install(kernels: Sequence[Kernel]) -> int:
    for need in dict.fromkeys(need for kernel in kernels for need in kernel.needs):
        if need.missing():
            need.install()
    return _list(kernels)


def _measure(kernels: Sequence[Kernel], asked: argparse.Namespace) -> int:
    asked.output.mkdir(parents=True, exist_ok=True)
    with kit_source(asked.kit) as source, kits(source) as built:
        arguments, seconds = ["run", *asked.pattern], asked.minutes * 60
        answers = measure(kernels, built, arguments, seconds, asked.output, _tell, asked.trials)
    return int(any(answer.state == "failed" for answer in answers))


def _tell(answer: Answer) -> None:
    seconds = f"{answer.seconds:5.0f} s"
    print(f"{answer.kernel:18} {answer.state:9} {seconds}  {answer.remark}", flush=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
