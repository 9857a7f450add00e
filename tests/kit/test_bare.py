# SPDX-License-Identifier: BSD-2-Clause
"""The kit where there is nothing: itself on a read-only disk, as the first process, no /proc."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from probes import build, kit
from reports import schema
from sigprobe import ROOTS

# A file system of its own, in which the folder is the whole world and cannot be written to.
WORLD = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec chroot "$0" "$@"'
APART = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c", WORLD]
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"
IGNORED = "nanosleep/SIGCONT/ignore/open/pthread_kill/none/asleep"
RAISED = "read-pipe/SIGUSR1/handler/open/raise/none/before"
IN_FOLDER = "read-fifo/SIGUSR1/handler/open/pthread_kill/none/asleep"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a statically linked kit in it and nothing else."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        pytest.skip("no unshare(1) here")
    folder = tmp_path_factory.mktemp("world")
    source = tmp_path_factory.mktemp("source") / "sigprobe.c"
    source.write_text(kit.text(ROOTS), "utf-8")
    command = [*build.toolchain().command, "-static", "-pthread", str(source)]
    built = subprocess.run([*command, "-o", str(folder / "sigprobe")], capture_output=True)
    if built.returncode:
        pytest.skip("the C library cannot be linked statically here")
    if alone(folder, "--version").returncode:
        pytest.skip("namespaces are not to be had here")
    return folder


def alone(world: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*APART, str(world), "/sigprobe", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd="/")


def test_it_measures_without_proc_and_says_how(world: Path) -> None:
    ran = alone(world, "run", READ, IGNORED, RAISED, "--trials", "5")
    assert (ran.returncode, ran.stderr) == (0, "")
    found = schema.loads(ran.stdout.encode(), "the kit's output")
    assert found.platform.threadstate == schema.ThreadState(reader="none", level="none")
    ignored, read, raised = found.cases
    assert (read.outcomes, read.method) == ({"interrupted": 5}, "settled")
    assert (raised.outcomes, raised.method) == ({"lost": 5}, "settled")
    assert (ignored.outcomes, ignored.method) == ({"undisturbed": 5}, "settled")


def test_a_call_that_needs_a_folder_says_so_where_none_can_be_made(world: Path) -> None:
    ran = alone(world, "run", IN_FOLDER, "--trials", "5")
    [case] = schema.loads(ran.stdout.encode(), "the kit's output").cases
    assert (ran.returncode, case.status, case.trials) == (0, "unsupported", 0)
    assert case.reason


def test_a_file_that_cannot_be_made_is_told(world: Path) -> None:
    ran = alone(world, "run", READ, "-o", "/results.json")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "sigprobe: /results.json: cannot be written: Read-only file system\n"
