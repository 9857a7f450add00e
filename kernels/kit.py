# SPDX-License-Identifier: BSD-2-Clause
"""The kit's one C file, for as long as it is needed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.schema import Fault


@contextmanager
def kit_source(given: Path | None) -> Iterator[Path]:
    """Give the file named, or one that `sigprobe kit` makes now; Fault (2) when there is none."""
    if given:
        if not given.is_file():
            raise Fault(f"{given}: no such file")
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="sigprobe-source-") as folder:
        path = Path(folder) / "sigprobe.c"
        made = subprocess.run([sys.executable, "-m", "sigprobe", "kit", "-o", str(path)])
        if made.returncode:
            raise Fault("sigprobe kit did not make the kit", made.returncode)
        yield path
