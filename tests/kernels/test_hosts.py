# SPDX-License-Identifier: BSD-2-Clause
"""`sigprobe run --host`, with an ssh that goes no further than this machine's own shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports import schema

TOP = Path(__file__).resolve().parents[2]
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"
# The host is the word after "--"; the one called "away" cannot be reached.
SSH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
[ "$2" = away ] && { echo "no route to host" >&2; exit 255; }
exec sh -c "$3"
"""


@pytest.fixture
def near(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose ssh stays here."""
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    return {**os.environ, "PATH": f"{ssh.parent}:{os.environ['PATH']}"}


def run(near: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOP / "sigprobe.py"), "run", READ, "--trials", "20", *words]
    return subprocess.run(command, env=near, capture_output=True, text=True)


def test_a_host_gives_a_report_and_a_file(near: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    ran = run(near, "--host", "me@secret-host", "-o", str(path))
    assert ran.returncode == 0, ran
    assert READ in ran.stdout
    (case,) = schema.load(path).cases
    assert (case.id, case.trials) == (READ, 20)
    assert "secret-host" not in path.read_text()


def test_several_hosts_give_a_folder_with_a_file_a_platform(
    near: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    ran = run(near, "--host", "one", "--host", "two", "-o", str(folder))
    assert ran.returncode == 0, ran
    (path,) = folder.iterdir()
    results = schema.load(path)
    assert path.stem == results.platform.id
    assert results.cases[0].trials == 40


def test_a_host_out_of_reach_is_told_and_the_others_count(
    near: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    ran = run(near, "--host", "away", "--host", "here", "-o", str(folder))
    assert ran.returncode == 3
    assert "no route to host" in ran.stderr
    assert READ in ran.stdout
    assert len(list(folder.iterdir())) == 1


def test_a_file_that_is_there_is_kept(near: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("something of mine")
    ran = run(near, "--host", "here", "-o", str(path))
    assert ran.returncode == 2
    assert str(path) in ran.stderr
    assert path.read_text() == "something of mine"
