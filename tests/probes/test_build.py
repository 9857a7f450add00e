# SPDX-License-Identifier: BSD-2-Clause
"""The build: which compiler, what is kept, what happens when something is missing."""

import ctypes
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from probes import build
from reports.schema import Fault

TOP = Path(__file__).resolve().parents[2]
BUILD = (
    "import sys; from pathlib import Path; from probes import build;"
    "print(build.library([Path(word) for word in sys.argv[1:]]))"
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    forget()
    yield
    forget()


def forget() -> None:
    build.toolchain.cache_clear()
    build.cache.cache_clear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    calls = tmp_path / "root" / "c" / "calls"
    calls.mkdir(parents=True)
    (calls / "one.c").write_text("int one(void) { return 1; }\n")
    (calls.parent / "rest.c").write_text(
        '#include <string.h>\n#include "sp_hashes.h"\n'
        "const char *hash_of(const char *name) {\n"
        "    for (unsigned i = 0; i < sizeof sp_hashes / sizeof *sp_hashes; i++)\n"
        "        if (strcmp(name, sp_hashes[i].name) == 0)\n"
        "            return sp_hashes[i].hash;\n"
        '    return "";\n'
        "}\n"
    )
    return tmp_path / "root"


def test_the_same_sources_are_built_once(root: Path) -> None:
    first = build.library([root])
    made = first.stat().st_mtime_ns
    assert build.library([root]) == first
    assert first.stat().st_mtime_ns == made


def test_a_changed_source_is_built_anew(root: Path) -> None:
    before = build.library([root])
    (root / "c" / "calls" / "one.c").write_text("int one(void) { return 2; }\n")
    after = build.library([root])
    assert after != before
    assert ctypes.CDLL(str(after)).one() == 2


def test_other_flags_are_built_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build.library([root])
    monkeypatch.setenv("CFLAGS", "-O1 -DOTHER")
    forget()
    assert build.library([root]) != before


def test_c_sees_the_hashes_that_python_has(root: Path) -> None:
    loaded = ctypes.CDLL(str(build.library([root])))
    loaded.hash_of.restype = ctypes.c_char_p
    for name, hash in build.hashes([root]).items():
        assert loaded.hash_of(name.encode()).decode() == hash


def test_a_change_in_one_call_leaves_the_other_hashes(root: Path) -> None:
    before = build.hashes([root])
    (root / "c" / "calls" / "one.c").write_text("int one(void) { return 3; }\n")
    after = build.hashes([root])
    assert {name for name in before if before[name] != after[name]} == {"call/one"}


def test_two_builders_at_once_both_get_a_whole_library(root: Path) -> None:
    command = [sys.executable, "-c", BUILD, str(root)]
    with ThreadPoolExecutor(4) as pool:
        runs = pool.map(
            lambda _: subprocess.run(command, cwd=TOP, check=True, capture_output=True, text=True),
            range(4),
        )
        paths = {run.stdout.strip() for run in runs}
    assert len(paths) == 1
    path = Path(paths.pop())
    assert ctypes.CDLL(str(path)).one() == 1
    assert list(path.parent.iterdir()) == [path], "a builder left something behind"


def test_the_first_compiler_error_is_told(root: Path) -> None:
    (root / "c" / "calls" / "one.c").write_text("int one(void) { return none; }\n")
    with pytest.raises(Fault, match=r"one\.c:1:.*error.*none") as raised:
        build.library([root])
    assert raised.value.status == 3
    assert list(build.cache().iterdir()) == []


def test_no_compiler_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Fault, match="install") as raised:
        build.library([root])
    assert raised.value.status == 3


def test_cc_goes_first(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = tmp_path / "mycc"
    real = build.toolchain().command
    mine.write_text(f'#!/bin/sh\ntouch {tmp_path}/used\nexec {" ".join(real)} "$@"\n')
    mine.chmod(0o755)
    monkeypatch.setenv("CC", f"{mine} -DMINE")
    forget()
    build.library([root])
    assert (tmp_path / "used").exists()


def test_a_cache_that_cannot_be_written_is_done_without(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    forget()
    path = build.library([root])
    assert ctypes.CDLL(str(path)).one() == 1
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.parent.stat().st_uid == os.getuid()
