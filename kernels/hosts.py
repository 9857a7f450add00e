# SPDX-License-Identifier: BSD-2-Clause
"""The errands of `sigprobe run --host`: where the results go, and one progress line for all hosts.

One host's results are one file; those of several go into a folder, one file a platform, because
host names stay out of results.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from kernels.ssh import run_on_hosts
from reports import matrix, schema
from reports.schema import Fault

LIMIT_SECONDS = 3600


class Stages:
    """A line on standard error with the stage of each host; nothing unless a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Begin with no host."""
        self._stream = sys.stderr if stream is None else stream
        self._stage: dict[str, str] = {}

    def tell(self, host: str, stage: str) -> None:
        """Show that a host has reached a stage."""
        self._stage[host] = stage
        self._write(", ".join(f"{host} {stage}" for host, stage in self._stage.items()))

    def clear(self) -> None:
        """Leave the line empty."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{text[:width]:<{width}}\r")
            self._stream.flush()


def measure(
    hosts: Sequence[str], kit: str, words: Sequence[str], output: Path | None
) -> tuple[list[schema.Results], list[Fault]]:
    """Run the kit's text on all hosts; return the results, and why other hosts have none.

    `words` are the kit's command line. Results are saved as they come, to the file `output` for
    one host, to the folder `output` for several; Fault (2) when that cannot be.
    """
    several = len(set(hosts)) > 1
    _check(output, several)
    found: list[schema.Results] = []
    faults: list[Fault] = []
    stages = Stages()
    try:
        for host, answer in run_on_hosts(hosts, kit.encode(), words, LIMIT_SECONDS, stages.tell):
            stages.tell(host, "done")
            if isinstance(answer, Fault):
                faults.append(answer)
                continue
            found.append(answer)
            _save(found, output, several)
    finally:
        stages.clear()
    return found, faults


def _check(output: Path | None, several: bool) -> None:
    if output is None:
        return
    if several:
        try:
            output.mkdir(exist_ok=True)
        except OSError as error:
            raise Fault(f"{output}: cannot be made a folder: {error.strerror}") from None
    elif output.exists():
        raise Fault(f"{output}: exists, and results from a host start a file of their own")


def _save(found: Sequence[schema.Results], output: Path | None, several: bool) -> None:
    if output is None:
        return
    if not several:
        schema.save(found[0], output)
        return
    for label, results in matrix.gather(found):
        schema.save(results, output / f"{label}.json")
