# SPDX-License-Identifier: BSD-2-Clause
"""The command line where its surroundings are odd: one clear line and the right status."""

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from probes import build, campaign
from reports import schema
from reports.schema import Fault
from sigprobe import ROOTS, main

TOP = Path(__file__).resolve().parents[2]
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"
FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="prlimit and its limits as Linux has them"
)


def shell(words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `sigprobe` is the command line."""
    program = f'sigprobe() {{ "{sys.executable}" "{TOP / "sigprobe.py"}" "$@"; }}; {words}'
    env = {**os.environ, **more}
    return subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, env=env, timeout=600
    )


@needs_full
@pytest.mark.parametrize(
    "words", ["list --platform linux", f"run {READ} --trials 5", "kit", f"repro {READ}"]
)
def test_no_room_for_the_output_is_one_line(words: str) -> None:
    ran = shell(f"sigprobe {words} >{FULL}")
    assert (ran.returncode, ran.stderr) == (
        2,
        "sigprobe: standard output: No space left on device\n",
    )


def test_nobody_has_to_listen(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    ran = shell(f"sigprobe run {READ} --trials 5 -o {path} >&- 2>&-")
    assert ran.returncode == 0
    assert schema.load(path).cases[0].trials == 5


@needs_full
def test_wrong_usage_keeps_its_status_where_nothing_can_be_said() -> None:
    assert shell(f"sigprobe run bogus 2>{FULL}").returncode == 2


def test_a_locale_without_the_characters_is_no_fault() -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = shell(f"sigprobe run {READ} --trials 5", **plain)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_any_thread_may_call_main(capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(main, ["run", READ, "--trials", "5"]).result() == 0
    assert "conforms" in capsys.readouterr().out


def test_an_ignored_sigchld_is_not_inherited(tmp_path: Path) -> None:
    ran = shell(
        f"trap '' CHLD; exec {sys.executable} {TOP}/sigprobe.py run {READ} --trials 5",
        XDG_CACHE_HOME=str(tmp_path),
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("variable", "value", "status", "said"),
    [
        ("CC", "true", 3, "true made nothing"),
        ("CC", '"', 2, "$CC: No closing quotation"),
        ("CFLAGS", '"', 2, "$CFLAGS: No closing quotation"),
        ("LDFLAGS", "'", 2, "$LDFLAGS: No closing quotation"),
    ],
)
def test_a_compiler_that_is_none_is_one_line(
    tmp_path: Path, variable: str, value: str, status: int, said: str
) -> None:
    ran = shell(f"sigprobe run {READ}", **{variable: value, "XDG_CACHE_HOME": str(tmp_path)})
    assert ran.returncode == status, ran
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_compiler_may_name_itself_in_any_encoding(tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    real = " ".join(build.toolchain().command)
    compiler.write_bytes(b'#!/bin/sh\n[ "$1" = --version ] && exec echo "\xe9"\nexec ')
    with compiler.open("a") as script:
        script.write(f'{real} "$@"\n')
    compiler.chmod(0o755)
    ran = shell(f"sigprobe list {READ}", CC=str(compiler), XDG_CACHE_HOME=str(tmp_path))
    assert ran.returncode == 0, ran


@needs_linux
def test_a_want_of_descriptors_is_an_error_and_no_platforms_gate() -> None:
    case = "epoll_wait/SIGUSR1/handler/open/pthread_kill/none/asleep"
    ran = shell(f"ulimit -n 10; sigprobe run {case} --format json --trials 5")
    (record,) = schema.loads(ran.stdout.encode(), "output").cases
    assert (ran.returncode, record.status) == (1, "error")
    assert "open files" in (record.reason or "")


class Starved(campaign._Pool):
    """A pool whose second process cannot be started."""

    def _spawn_process(self) -> None:
        if self._processes:
            raise BlockingIOError(errno.EAGAIN, "none to be had")
        super()._spawn_process()  # type: ignore[misc]


def test_a_want_of_processes_is_one_line_and_leaves_none() -> None:
    before = set(psutil.Process().children())
    with Starved(2) as executor, pytest.raises(Fault, match="cannot start a process for a job"):
        campaign.Campaign([READ], 5, roots=ROOTS).run(executor)
    _, alive = psutil.wait_procs(set(psutil.Process().children()) - before, timeout=60)
    assert not alive


def test_jobs_end_with_a_parent_that_is_killed() -> None:
    running = subprocess.Popen(
        [sys.executable, TOP / "sigprobe.py", "run", READ, "--trials", "10000000", "--jobs", "2"],
        stdout=subprocess.PIPE,
    )
    while len(family := psutil.Process(running.pid).children(recursive=True)) < 3:
        pass  # until both jobs are there, and one of them measures
    running.kill()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    running.communicate()


def test_a_job_that_is_killed_is_one_line_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    case = READ.replace("handler", "*", 1)
    words = ["run", case, "--trials", "10000000", "--jobs", "2", "-o", str(path)]
    running = subprocess.Popen(
        [sys.executable, TOP / "sigprobe.py", *words], stderr=subprocess.PIPE, text=True
    )
    while len(jobs := psutil.Process(running.pid).children()) < 2:
        pass
    os.kill(jobs[0].pid, signal.SIGKILL)
    _, told = running.communicate()
    assert (running.returncode, told) == (3, "sigprobe: a process that had a job died\n")
    assert schema.load(path)


def test_no_room_anywhere_leaves_no_part_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def no_room(*words: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("reports.files._replace", no_room)
    plan = campaign.Campaign([READ], 5, path=tmp_path / "r.json", roots=ROOTS)
    with pytest.raises(Fault, match="the results are on standard output"):
        plan.run()
    assert schema.loads(capsys.readouterr().out.encode(), "output").cases[0].trials == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds", ["1e400", "-1", "nan", "0", "soon"])
def test_a_benchmark_wants_a_number_of_seconds(seconds: str) -> None:
    ran = shell(f"sigprobe blockif bench --seconds {seconds}")
    assert ran.returncode == 2
    assert "--seconds" in ran.stderr
    assert ran.stderr.count("\n") == 1
