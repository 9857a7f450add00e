# SPDX-License-Identifier: BSD-2-Clause
"""A reproducer's system calls and signals, seen by a tracer that does not change the answer.

A tracer that attaches by ptrace (strace, truss) keeps ignored signals from being dropped: none of
those is used, but perf trace on Linux, ktrace on the BSDs. What could tell a person or a machine is
taken out: names, folders, process ids.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from probes import build
from reports.schema import Fault, printable

SECONDS = 60  # for the program under its tracer
LINES_KEPT = 1000  # at the start, and as many at the end


@frozen
class Tracer:
    """A program that runs another and keeps what it saw in the file `trace`."""

    name: str
    run: tuple[str, ...]
    show: tuple[str, ...] = ()  # turns the file into text, where it is none
    ids: str = ""  # finds process and thread ids in its lines


KTRACE = Tracer(
    "ktrace", ("ktrace", "-i", "-t", "cs", "-f", "trace"), ("kdump", "-f", "trace"), r"^ *(\d+) "
)
# System -> what does not change the answer there. macOS's dtrace may not look at it as shipped.
TRACERS: Mapping[str, Tracer] = {
    "linux": Tracer(
        "perf trace",
        ("perf", "trace", "-o", "trace", "--syscalls", "-e", "signal:*"),
        ids=r"/(\d+) ",
    ),
    **dict.fromkeys(("freebsd", "openbsd", "netbsd", "dragonfly"), KTRACE),
}


def trace(program: str, tracer: Tracer | None = None, seconds: float = SECONDS) -> str:
    """Build and run a C program under a tracer, this system's by default; return what it saw.

    Fault (status 3), in a line, where there is no tracer, or it does not work here, or not in time.
    """
    tracer = tracer or _tracer()
    with tempfile.TemporaryDirectory(prefix="sigprobe-") as folder:
        place = Path(folder)
        _built(program, place)
        said = _run((*tracer.run, "./repro"), place, seconds, tracer.name)
        text = _shown(tracer, place, seconds)
        private = {folder: "FOLDER", os.path.realpath(folder): "FOLDER", **_private()}
    lines = scrubbed(text, tracer.ids, private).splitlines()
    if not any(line.strip() and not line.startswith("#") for line in lines):
        raise Fault(f"{tracer.name} saw nothing, perhaps for want of privileges", 3)
    head = f"{tracer.name} of repro.c; where it says 1, 2, … there were process or thread ids"
    return "\n".join([head, f"The program's last line: {said}", "", *_cut(lines)]) + "\n"


def _tracer() -> Tracer:
    system = next((name for name in TRACERS if sys.platform.startswith(name)), "")
    if not system:
        raise Fault("no tracer is known here that leaves the answer as it is", 3)
    tracer = TRACERS[system]
    if not shutil.which(tracer.run[0]):
        raise Fault(f"{tracer.run[0]} is not installed", 3)
    return tracer


def _built(program: str, place: Path) -> None:
    (place / "repro.c").write_text(program, "utf-8")
    cc = (*build.toolchain().command, "-pthread", "-o", "repro", "repro.c")
    _run(cc, place, SECONDS, "the compiler")


def _run(command: Sequence[str], place: Path, seconds: float, name: str) -> str:
    """Run in the folder, all of it ended when its time is over; return its last line of output."""
    try:
        process = subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise Fault(f"{name}: {error.strerror}", 3) from None
    try:
        told = process.communicate(timeout=seconds)[0].decode("utf-8", "replace").strip()
    except subprocess.TimeoutExpired:
        raise Fault(f"{name} took longer than {seconds:g} s", 3) from None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    last = told.rpartition("\n")[2]
    if process.returncode:
        raise Fault(f"{name} failed: {last[:200]}", 3)
    return last


def _shown(tracer: Tracer, place: Path, seconds: float) -> str:
    if tracer.show:
        try:
            done = subprocess.run(tracer.show, cwd=place, capture_output=True, timeout=seconds)
        except (OSError, subprocess.TimeoutExpired):
            raise Fault(f"{tracer.show[0]} could not show the trace", 3) from None
        return done.stdout.decode("utf-8", "replace")
    try:
        return (place / "trace").read_text("utf-8", "replace")
    except OSError as error:
        raise Fault(f"{tracer.name} wrote nothing: {error.strerror}", 3) from None


def _private() -> dict[str, str]:
    """Return the names that belong to nobody's bug report, and what stands for them."""
    names = {str(Path.home()): "HOME", os.uname().nodename: "HOST"}
    with contextlib.suppress(KeyError, OSError):
        names[getpass.getuser()] = "USER"
    return {name: word for name, word in names.items() if len(name) > 1}


def scrubbed(text: str, ids: str, private: Mapping[str, str]) -> str:
    """Return a trace without private names, its process and thread ids counted from 1."""
    found = dict.fromkeys(re.findall(ids, text, re.M)) if ids else {}
    numbers = {id: str(place) for place, id in enumerate(found, 1)}
    names = dict(sorted(private.items(), key=lambda item: -len(item[0])))
    words = {**names, **numbers}
    if words:
        either = "|".join(map(re.escape, words))
        text = re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda match: words[match.group()], text)
    return "\n".join(printable(line).rstrip() for line in text.splitlines())


def _cut(lines: list[str]) -> list[str]:
    left_out = len(lines) - 2 * LINES_KEPT
    if left_out <= 0:
        return lines
    return [*lines[:LINES_KEPT], f"… {left_out:,} lines left out …", *lines[-LINES_KEPT:]]
