# SPDX-License-Identifier: BSD-2-Clause
"""Sets up everything on a fresh machine and runs one tox environment.

    python3 bootstrap.py measure    measure this machine
    python3 bootstrap.py tests      run the tests of sigprobe itself

It needs Python 3.10 or newer with its venv module, and nothing else: tox goes into .venv beside
this file, and where there is no C compiler, one from PyPI goes into the environment. Further words
are handed to the environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE / ".venv"
COMPILERS = ("cc", "clang", "gcc")
REMEDY = "install Python's venv module (Debian and Ubuntu: apt install python3-venv)"


def main(words: list[str]) -> int:
    """Run the environment named by the first word and return its exit status."""
    if not words or words[0].startswith("-"):
        print(__doc__)
        return 2
    if sys.version_info < (3, 10):  # noqa: UP036 - this file runs before anything is checked
        print("sigprobe needs Python 3.10 or newer", file=sys.stderr)
        return 3
    python = HOME / "bin" / "python"
    if not _has_tox(python) and not _set_up(python):
        return 3
    environment, *rest = words
    tox = [str(python), "-m", "tox", "run", "-e", environment]
    if not os.environ.get("CC") and not any(map(shutil.which, COMPILERS)):
        tox += ["-x", f"testenv:{environment}.extras+=compiler"]
    return subprocess.run([*tox, "--", *rest], cwd=HERE).returncode


def _has_tox(python: Path) -> bool:
    if not python.exists():
        return False
    asked = [str(python), "-m", "tox", "--version"]
    return subprocess.run(asked, capture_output=True).returncode == 0


def _set_up(python: Path) -> bool:
    try:
        venv.create(HOME, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError):
        print(f"cannot make {HOME.name}: {REMEDY}", file=sys.stderr)
        return False
    install = [str(python), "-m", "pip", "install", "--quiet", "tox>=4"]
    return subprocess.run(install).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
