# SPDX-License-Identifier: BSD-2-Clause
"""Reproducers build, are short, and give the answer that the engine gives."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blockif_ref import repro as port_repro
from probes import build, cases, repro
from probes.engine import Engine, Status
from sigprobe import ROOTS

TOP = Path(__file__).resolve().parents[2]
UNIVERSE = cases.universe(*ROOTS)
LINES_MOST = 149
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread")

READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"
AXES = [
    "read-pipe/SIGUSR1/ignore/open/pthread_kill/none/asleep",
    "read-pipe/SIGUSR1/handler-restart/open/pthread_kill/none/asleep",
    "read-pipe/SIGURG/default/open/pthread_kill/none/asleep",
    "read-pipe/SIGUSR1/default/open/pthread_kill/none/asleep",
    "open-fifo/SIGTERM/default/open/kill/none/asleep",
    "read-pipe/SIGSTOP/default/open/pthread_kill/none/asleep",
    "read-pipe/SIGTSTP/default/open/kill/none/asleep",
    "read-pipe/SIGUSR1/handler/open/kill/none/asleep",
    "read-pipe/SIGUSR1/handler/open-all/kill/none/asleep",
    "read-pipe/SIGUSR1/handler/open/sigqueue/none/asleep",
    "read-pipe/SIGUSR1/handler/open/pthread_sigqueue/none/asleep",
    "read-pipe/SIGRTMIN+1/handler/open/pthread_kill/none/asleep",
    "read-pipe/SIGUSR1/handler/open/raise/none/before",
    "read-pipe/SIGUSR1/handler/open/pthread_kill/none/before",
    "read-pipe/SIGUSR1/ignore/blocked/kill/none/before",
    "nanosleep/SIGUSR1/handler-restart/open/pthread_kill/none/before",
    "ppoll/SIGUSR1/handler/blocked/pthread_kill/none/before",
    "ppoll/SIGUSR1/handler/blocked/pthread_kill/none/sweep",
    "ppoll/SIGUSR1/default/blocked/pthread_kill/none/asleep",
    "sigwait/SIGUSR1/ignore/blocked/pthread_kill/none/asleep",
    "sigwaitinfo/SIGUSR1/default/blocked/kill/none/before",
    "waitpid/SIGCHLD/ignore/open/pthread_kill/none/asleep",
    "fcntl-setlkw/SIGCHLD/handler/open/pthread_kill/none/asleep",
]
WATCHED = [
    f"read-pipe/SIGUSR1/handler/{mask}/{sender}/{watcher}/asleep"
    for watcher in UNIVERSE.words["watcher"]
    if watcher != "none"
    for mask, sender in (("blocked", "kill"), ("blocked", "pthread_kill"), ("open", "pthread_kill"))
]
CALLS = [
    f"{call}/SIGUSR1/{disposition}/open/pthread_kill/none/asleep"
    for call in UNIVERSE.words["call"]
    for disposition in ("handler", "handler-restart")
]

PORT = [
    f"blockif/{kick}/{'delete' if scenario == 'slow-trim' else 'read'}/stalled/{scenario}"
    for kick in (
        *("wait", "handler", "handler-usr1", "handler-retry"),
        *("gate", "signalfd", "evfilt-signal"),
    )
    for scenario in ("pending", "asleep", "before", "finished", "slow-trim")
]

# What a platform has, and the headers that ziglang has for it have not.
LACKING = {
    "linux": ["clockwait", "pthread_sigqueue"],
    "netbsd": ["read-inotify"],
    "freebsd": [],
    "darwin": [],
}

RETRY = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t read(int fd, void *room, size_t size) {
    long got;
    do
        got = syscall(SYS_read, fd, room, size);
    while (got == -1 && errno == EINTR);
    return got;
}
"""


def program(id: str) -> str:
    case = UNIVERSE.case(id)
    return port_repro.program(case) if isinstance(case, cases.PortCase) else repro.program(case)


def measurable(id: str) -> str:
    """Return an id that this machine can measure; skip the test otherwise."""
    status, reason = Engine.load(*ROOTS).check(id)
    if status is not Status.MEASURED:
        pytest.skip(reason)
    return id


def libraries(id: str) -> list[str]:
    """Return what a program with kqueue needs here, as its header says."""
    if not any(word in id for word in ("kqueue", "kevent", "evfilt")) or not shutil.which(
        "pkg-config"
    ):
        return []
    asked = ["pkg-config", "--cflags", "--libs", "libkqueue"]
    return subprocess.run(asked, capture_output=True, text=True).stdout.split()


def built(id: str, folder: Path) -> Path:
    """Build a case's program without a warning, and return where it is."""
    source, binary = folder / "repro.c", folder / "repro"
    source.write_text(program(id))
    cc = [*build.toolchain().command, *STRICT, str(source), "-o", str(binary), *libraries(id)]
    done = subprocess.run(cc, capture_output=True, text=True)
    assert done.returncode == 0, f"{id}\n{done.stderr}"
    return binary


def says(binary: Path, *arguments: str, **environment: str) -> list[str]:
    """Run a program and return its lines."""
    ran = subprocess.run(
        [binary, *arguments], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert ran.returncode == 0, ran
    return ran.stdout.splitlines()


@pytest.mark.parametrize("id", [*AXES, *WATCHED, *CALLS, *PORT])
def test_engine_and_reproducer_agree(id: str, tmp_path: Path) -> None:
    record = Engine.load(*ROOTS).measure(measurable(id), 400 if id.endswith("sweep") else 20)
    if record.status == "unsupported":
        pytest.skip(record.reason or "")
    lines = says(built(id, tmp_path))
    assert lines[-1].removeprefix("outcome: ") in record.outcomes
    for sighting in (line.removeprefix("watcher: ") for line in lines if "watcher: " in line):
        assert getattr(record.sightings, sighting) > 0


def test_every_case_has_a_program_to_read_in_a_minute() -> None:
    for id in UNIVERSE.ids:
        case = UNIVERSE.case(id)
        if isinstance(case, cases.PortCase) and port_repro.lacking(case):
            continue
        lines = program(id).splitlines()
        assert len(lines) <= LINES_MOST, id
        assert max(map(len, lines)) <= repro.WIDTH, id
        assert f" * {id}" in lines


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("blockif/io-uring/read/stalled/asleep", "rings"),
        ("blockif/handler/read/stalled/storm", "no straight line"),
        ("blockif/handler/read/fuse/asleep", "FUSE server"),
        ("blockif/my-own/read/stalled/asleep", "its kick"),
    ],
)
def test_a_case_of_the_port_without_a_program_says_why_in_one_line(id: str, words: str) -> None:
    asked = [sys.executable, str(TOP / "sigprobe.py"), "repro", id]
    ran = subprocess.run(asked, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert id in ran.stderr and words in ran.stderr and ran.stderr.count("\n") == 1


def test_only_what_a_case_needs_is_in_its_program() -> None:
    plain = program("read-pipe/SIGUSR1/ignore/blocked/kill/none/asleep")
    for word in (
        "bystander",
        "static void handler",
        "watcher",
        "rescue",
        "ready",
        "fork",
        "SIG_UNBLOCK",
    ):
        assert word not in plain.split("#define", 1)[1]


def test_the_same_case_gives_the_same_text() -> None:
    def printed(seed: str) -> str:
        asked = [sys.executable, str(TOP / "sigprobe.py"), "repro", READ]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(asked, capture_output=True, text=True, env=environment).stdout

    assert printed("1") == printed("2") == program(READ)


@pytest.mark.parametrize(
    ("offset", "outcome"), [("1000000000", "lost"), ("-1000000000", "interrupted")]
)
def test_a_sweep_moves_the_entry_through_the_send(
    offset: str, outcome: str, tmp_path: Path
) -> None:
    sweep = READ.replace("asleep", "sweep")
    assert says(built(sweep, tmp_path), offset)[-1] == f"outcome: {outcome}"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="LD_PRELOAD and SYS_read")
def test_a_read_that_is_tried_again_shows(tmp_path: Path) -> None:
    source, shim = tmp_path / "retry.c", tmp_path / "retry.so"
    source.write_text(RETRY)
    cc = [*build.toolchain().command, "-shared", "-fPIC", str(source), "-o", str(shim)]
    subprocess.run(cc, check=True)
    binary = built(READ, tmp_path)
    assert says(binary)[-1] == "outcome: interrupted"
    assert says(binary, LD_PRELOAD=str(shim))[-1] == "outcome: restarted"


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    def left() -> set[str]:
        names = {path.name for path in Path("/tmp").glob("repro-*")}
        queues = Path("/proc/sysvipc/msg")
        return names | set(queues.read_text().splitlines() if queues.exists() else ())

    before = left()
    for id in ("open-fifo", "msgrcv"):
        for rest in ("SIGUSR1/handler", "SIGUSR1/default"):
            says(built(measurable(f"{id}/{rest}/open/pthread_kill/none/asleep"), tmp_path))
    assert left() <= before


@pytest.mark.parametrize("id", ["read-pip/SIGUSR1/handler/open/pthread_kill/none/asleep", "x"])
def test_an_unknown_case_is_refused_in_one_line(
    id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [sys.executable, str(TOP / "sigprobe.py"), "repro", id]
    ran = subprocess.run(asked, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("sigprobe: ") and ran.stderr.count("\n") == 1


@pytest.mark.skipif(not importlib.util.find_spec("ziglang"), reason="needs ziglang")
@pytest.mark.parametrize(
    ("platform", "target"),
    [
        ("freebsd", "x86_64-freebsd"),
        ("darwin", "aarch64-macos"),
        ("netbsd", "x86_64-netbsd"),
        ("linux", "x86_64-linux-musl"),
    ],
)
def test_other_kernels_can_build_them(platform: str, target: str, tmp_path: Path) -> None:
    files = []
    for number, id in enumerate([*AXES, *WATCHED, *CALLS[::2], *PORT]):
        if not UNIVERSE.gate(id, platform) and not any(word in id for word in LACKING[platform]):
            files.append(tmp_path / f"{number}.c")
            files[-1].write_text(program(id).replace("int main(", f"int main_{number}("))
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-c"]
    ran = subprocess.run(
        [*zig, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-return-type", *files],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
