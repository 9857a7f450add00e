# SPDX-License-Identifier: BSD-2-Clause
"""What the kit does by hand where Python has a library: globs and dates."""

import ctypes
import re
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from probes import build, kit
from sigprobe import ROOTS

HARNESS = Path(__file__).with_name("harness.c")
WORDS = st.text("ab-/", max_size=8)
PATTERNS = st.text("ab-*?[]!^/", max_size=10)


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("harness")
    (folder / "sigprobe.c").write_text(kit.text(ROOTS), "utf-8")
    shutil.copy(HARNESS, folder)
    library = folder / "harness.so"
    flags = ["-shared", "-fPIC", "-pthread", str(folder / HARNESS.name), "-o", str(library)]
    subprocess.run([*build.toolchain().command, *flags], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.harness_timestamp.argtypes = [ctypes.c_int64, ctypes.c_char_p]
    return loaded


@given(PATTERNS, WORDS)
@example("*a*b", "a-b-a-b")
@example("[]a]", "]")
@example("[!]a]", "b")
@example("[a-]", "-")
@example("[b-a]", "a")
@example("[", "[")
def test_globs_match_what_they_match_in_python(
    harness: ctypes.CDLL, pattern: str, text: str
) -> None:
    # There Python takes the "!" that follows an empty range for one that begins the set.
    assume(not re.search(r"\[[^]]*-.!", pattern))
    ours = harness.harness_matches(pattern.encode(), text.encode())
    assert bool(ours) == fnmatchcase(text, pattern)


@given(st.integers(0, 4_102_444_800 * 2))
@example(951_782_400)  # 2000-02-29
@example(4_107_542_399)  # 2100-02-28, the last second: that year has no leap day
@example(4_107_542_400)
def test_times_are_written_as_python_writes_them(harness: ctypes.CDLL, when: int) -> None:
    out = ctypes.create_string_buffer(40)
    harness.harness_timestamp(when, out)
    told = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=when)
    assert out.value.decode() == told.strftime('"%Y-%m-%dT%H:%M:%SZ"')
