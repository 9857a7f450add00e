# SPDX-License-Identifier: BSD-2-Clause
"""Runs one program so that nothing of it outlives its time limit, ^C, or the death of this process.

The program gets a PID, mount and IPC namespace of its own. When the outermost process ends,
however it ends, the kernel ends all the others, and their mounts go with them.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from attrs import frozen

from reports.schema import Fault

# A program that overruns has this long after SIGINT to print what it has, before SIGKILL.
GRACE_SECONDS = 10
# coreutils timeout(1) ends with this when the program overran.
OVERRAN = 124


@frozen
class Ended:
    """How a program ended: its output, its exit status (128 + N: signal N), whether it overran."""

    stdout: bytes
    stderr: bytes
    status: int
    overran: bool = False

    def last_words(self) -> str:
        """Return the last line that it wrote as an error, or a remark that there was none."""
        lines = self.stderr.decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def run(
    program: Sequence[str | Path],
    seconds: int,
    *,
    env: Mapping[str, str] | None = None,
    inherit: Sequence[int] = (),
) -> Ended:
    """Run a program for at most `seconds`, then SIGINT it; raises Fault (3) when it cannot start.

    `inherit` are descriptors that it keeps besides standard output and error.
    """
    reason = gate()
    if reason:
        raise Fault(reason, 3)
    whole = outer(seconds)
    with subprocess.Popen(
        [*_cage(seconds), *map(str, program)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        pass_fds=inherit,
        start_new_session=True,  # a ^C at the terminal is ours to act on, not the program's
    ) as process:
        try:
            out, err = process.communicate(timeout=whole)
        except subprocess.TimeoutExpired:
            raise Fault(f"{program[0]}: did not end within {whole} s", 3) from None
        finally:
            _end(process)
    return Ended(out, err, process.returncode, overran=process.returncode == OVERRAN)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Return when nothing of a cage is left, ending what is still there."""
    if process.poll() is not None:
        return
    try:
        outside = psutil.Process(process.pid)
        ends = outside.children() or [outside]
    except psutil.Error:
        ends = []
    # Process 1 of a PID namespace is reaped after all the others in it (kernel/pid_namespace.c,
    # zap_pid_ns_processes), and the process outside waits for that.
    for one in ends:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.communicate()


def outer(seconds: int) -> int:
    """Return the limit (s) around something that keeps a limit of `seconds` by itself."""
    return seconds + 2 * GRACE_SECONDS


@functools.cache
def gate() -> str | None:
    """Return why nothing can be caged on this machine, or None."""
    for tool in ("setpriv", "unshare", "timeout"):
        if not shutil.which(tool):
            return f"no {tool} (Linux's util-linux and coreutils)"
    probe = subprocess.run([*_cage(GRACE_SECONDS), "true"], capture_output=True, text=True)
    if probe.returncode:
        return f"no permission for a PID namespace of its own: {probe.stderr.strip()}"
    return None


def _cage(seconds: int) -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    # Its timeout is process 1 in there, so that the program is not: process 1 is immune to signals
    # that it does not handle (pid_namespaces(7)), which would change what is measured.
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", *user, "--pid", "--mount", "--ipc", "--mount-proc", "--fork", "--kill-child"),
        *limited(seconds),
    ]


def limited(seconds: int) -> list[str]:
    """Return what to put before a command line that gets SIGINT after `seconds`, then SIGKILL."""
    return ["timeout", f"--kill-after={GRACE_SECONDS}", "--signal=INT", str(seconds)]
