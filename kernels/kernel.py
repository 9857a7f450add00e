# SPDX-License-Identifier: BSD-2-Clause
"""What the table holds: a kernel, what it needs, and how the kit is started on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from kernels import cage
from kernels.cage import Ended
from kernels.needs import Need


@frozen
class Order:
    """What to start: the kit's executable, its arguments, its limit in s, a folder for files."""

    kit: Path
    arguments: tuple[str, ...]
    seconds: int
    scratch: Path

    def environment(self) -> dict[str, str]:
        """Return ours, with temporary files where they are removed whatever becomes of the kit."""
        return {**os.environ, "TMPDIR": str(self.scratch)}


@frozen(kw_only=True)
class Kernel:
    """One kernel.

    `target` is zig's name of what the kit is built for, None the system's own cc; `suffix` is
    appended to the platform id; `emulation` goes into the record (None: it is the machine's own).
    `trials` of a case are what all its default cases have in a few minutes on two processors.
    """

    name: str
    what: str
    start: Callable[[Order], Ended]
    needs: tuple[Need, ...] = ()
    target: str | None = "x86_64-linux-musl"
    suffix: str = ""
    emulation: str | None = None
    trials: int = 1000

    def gate(self) -> str | None:
        """Return why it cannot be started on this machine, or None."""
        reasons = (need.missing() for need in self.needs)
        return next((reason for reason in reasons if reason), cage.gate())
