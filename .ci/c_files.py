# SPDX-License-Identifier: BSD-2-Clause
"""Runs a command on all C files: python .ci/c_files.py COMMAND [ARGUMENT...]."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("probes/c", "blockif_ref/c", "bench", "kernels/c", "tests/kernels")

files = sorted(str(path) for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]"))
sys.exit(subprocess.run([*sys.argv[1:], *files], cwd=ROOT).returncode)
