# SPDX-License-Identifier: BSD-2-Clause
"""Runs the kit on kernels, one after the other, and keeps what each of them answered."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from kernels.answers import results
from kernels.build import build
from kernels.kernel import Kernel, Order
from reports.schema import Fault, Results, save

# Building and booting take so many seconds of a kernel's share; no kit gets fewer than the least.
_AROUND, _LEAST = 10, 20


@frozen
class Answer:
    """What came of one kernel: `measured`, `partial`, `gated` or `failed`, and a line about it."""

    kernel: str
    state: str
    remark: str
    seconds: float = 0.0


class Kits:
    """The kit built for each target once, in a folder that lives as long as this."""

    def __init__(self, source: Path, folder: Path) -> None:
        """`source` is the kit's one C file."""
        self._source = source
        self._folder = folder

    def executable(self, target: str | None) -> Path:
        """Return the kit for a target; Fault (3) when it does not build."""
        path = self._folder / f"kit-{target or 'native'}"
        return path if path.exists() else build(self._source, target, path)


@contextmanager
def kits(source: Path) -> Iterator[Kits]:
    """Keep built kits until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="sigprobe-kits-") as folder:
        yield Kits(source, Path(folder))


def measure(
    kernels: Sequence[Kernel],
    built: Kits,
    arguments: Sequence[str],
    seconds: float,
    folder: Path,
    tell: Callable[[Answer], None],
    trials: int | None = None,
) -> list[Answer]:
    """Run the kit with `arguments` on the kernels, for about `seconds` in all.

    Each kernel may take its share of what those before it have left, and is cut off after that. A
    case gets `trials`, or else as many as the kernel has time for by its own table.
    Each answer becomes folder/NAME.json and is told as soon as it is known.
    """
    answers = []
    end = time.monotonic() + seconds
    for number, kernel in enumerate(kernels):
        started = time.monotonic()
        share = int((end - started) / (len(kernels) - number)) - _AROUND
        words = (*arguments, "--trials", str(trials or kernel.trials))
        state, remark = _one(kernel, built, words, max(share, _LEAST), folder)
        answers.append(Answer(kernel.name, state, remark, time.monotonic() - started))
        tell(answers[-1])
    return answers


def _one(
    kernel: Kernel, built: Kits, arguments: tuple[str, ...], seconds: int, folder: Path
) -> tuple[str, str]:
    gate = kernel.gate()
    if gate:
        return "gated", gate
    try:
        with tempfile.TemporaryDirectory(prefix="sigprobe-") as scratch:
            kit = built.executable(kernel.target)
            ended = kernel.start(Order(kit, arguments, seconds, Path(scratch)))
        found = marked(results(ended, "the kit"), kernel)
    except Fault as fault:
        return "failed", str(fault)
    save(found, folder / f"{kernel.name}.json")
    told = f"{len(found.cases)} cases, {found.platform.id}"
    return (
        ("partial", f"{told}; cut off after {seconds} s") if ended.overran else ("measured", told)
    )


def marked(found: Results, kernel: Kernel) -> Results:
    """Return the results with the emulation in them and in the platform's id."""
    found.platform.emulation = kernel.emulation
    if not found.platform.id.endswith(kernel.suffix):
        found.platform.id += kernel.suffix
    return found
