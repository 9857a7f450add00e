# SPDX-License-Identifier: BSD-2-Clause
"""The kit on another host, against a real sshd on this machine's loopback address."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from attrs import frozen

from kernels.ssh import run_on_hosts
from reports.schema import Fault, Results

STAND_IN = (Path(__file__).parent / "stand_in.c").read_bytes()
ROOT = Path(__file__).parents[2]
PATIENCE = 60  # s; only a failing test waits as long


@frozen
class Host:
    """A running sshd: its process, how to reach it, and where its sessions put their files."""

    sshd: subprocess.Popen[bytes]
    ssh: tuple[str, ...]
    temporary: Path

    def sessions(self) -> list[psutil.Process]:
        """Return the processes that sshd started for connections."""
        return psutil.Process(self.sshd.pid).children(recursive=True)

    def untouched(self) -> bool:
        """Return whether nothing of any session is left."""
        return not list(self.temporary.iterdir()) and not strays(self.temporary)


def strays(folder: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cwd"]) if str(p.info["cwd"]).startswith(str(folder))]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])
    if not sshd or not shutil.which("ssh-keygen"):
        pytest.skip("no sshd (apt install openssh-server)")
    folder = Path("/run/sshd")  # Debian's sshd wants it as root, and its service makes it
    ours = os.geteuid() == 0 and not folder.exists()
    if ours:
        folder.mkdir(mode=0o755)
    try:
        with served(sshd, tmp_path) as server:
            yield server
    finally:
        if ours:
            folder.rmdir()


class served:
    """A block with an sshd of its own: own keys, own port, own configuration."""

    def __init__(self, sshd: str, folder: Path) -> None:
        self.sshd, self.folder = sshd, folder

    def __enter__(self) -> Host:
        folder, temporary = self.folder, self.folder / "temporary"
        temporary.mkdir()
        for key in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
            subprocess.run(command, check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (folder / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
            f"AuthorizedKeysFile {folder}/user.pub\nPermitRootLogin yes\nStrictModes no\n"
            f"UsePAM no\nSetEnv TMPDIR={temporary}\n"
        )
        command = [self.sshd, "-D", "-e", "-f", str(folder / "config")]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: answers(port))
        ssh = (
            *("ssh", "-F", "none", "-T", "-p", str(port), "-i", str(folder / "user")),
            *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
            *("-o", f"UserKnownHostsFile={folder}/known", "-l", getpass.getuser()),
        )
        return Host(self.process, ssh, temporary)

    def __exit__(self, *_: object) -> None:
        for process in psutil.Process(self.process.pid).children(recursive=True):
            process.kill()
        self.process.kill()
        self.process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def ask(
    host: Host,
    words: list[str],
    names: tuple[str, ...] = ("127.0.0.1",),
    source: bytes = STAND_IN,
    seconds: int = PATIENCE,
    on_stage: Callable[[str, str], None] = lambda host, stage: None,
) -> dict[str, Results | Fault]:
    return dict(run_on_hosts(names, source, ["run", *words], seconds, on_stage, host.ssh))


def test_results_come_back_and_nothing_stays(host: Host) -> None:
    stages: list[tuple[str, str]] = []
    answer = ask(host, ["it's $HOME; *"], on_stage=lambda *told: stages.append(told))
    results = answer["127.0.0.1"]
    assert isinstance(results, Results), results
    assert len(results.cases) == 300
    assert results.platform.version.startswith("it's $HOME; *")
    assert [stage for _, stage in stages] == ["connecting", "building", "running"]
    until(host.untouched)


def test_hosts_are_asked_side_by_side_and_one_fault_stops_no_other(host: Host) -> None:
    answer = ask(
        host, [], ("127.0.0.1", "no.such.host.invalid", "-oProxyCommand=true", "127.0.0.2")
    )
    assert {name for name, end in answer.items() if isinstance(end, Results)} == {"127.0.0.1"}
    assert "is not the name of a host" in str(answer["-oProxyCommand=true"])
    assert "no.such.host.invalid: the connection ended:" in str(answer["no.such.host.invalid"])
    assert "refused" in str(answer["127.0.0.2"])


def test_what_the_compiler_said_is_the_reason(host: Host) -> None:
    end = ask(host, [], source=b"int main(void) { return undeclared; }\n")["127.0.0.1"]
    assert isinstance(end, Fault) and end.status == 3
    assert "status 3" in str(end)
    until(host.untouched)


def runs(host: Host) -> bool:
    with suppress(psutil.NoSuchProcess):
        return any(p.name() == "sigprobe" for p in strays(host.temporary))
    return False


def running(host: Host, interrupt: Callable[[], object]) -> Callable[[str, str], None]:
    """Return what to do at the stage "running": `interrupt`, once the kit is there to see."""

    def on_stage(_: str, stage: str) -> None:
        if stage == "running":
            until(lambda: runs(host))
            interrupt()

    return on_stage


@pytest.mark.parametrize("word", ["--wait", "--deaf"])
def test_a_broken_connection_ends_everything_on_the_host(host: Host, word: str) -> None:
    def cut() -> None:
        for process in host.sessions():
            with suppress(psutil.NoSuchProcess):
                if process.name() == "sshd":
                    process.kill()

    end = ask(host, [word], on_stage=running(host, cut))["127.0.0.1"]
    assert isinstance(end, Fault) and "the connection ended" in str(end)
    until(host.untouched)


def test_a_limit_ends_everything_on_the_host(host: Host) -> None:
    end = ask(host, ["--wait"], seconds=3)["127.0.0.1"]
    assert isinstance(end, Fault) and "no answer within 3 s" in str(end)
    until(host.untouched)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_death_of_this_side_ends_everything_on_the_host(
    host: Host, number: signal.Signals
) -> None:
    program = (
        "import sys; from kernels.ssh import run_on_hosts\n"
        "list(run_on_hosts(['127.0.0.1'], sys.stdin.buffer.read(), ['run', '--wait'], 60,"
        " lambda *_: None, sys.argv[1:]))"
    )
    ours = subprocess.Popen(
        [sys.executable, "-c", program, *host.ssh],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert ours.stdin
    ours.stdin.write(STAND_IN)
    ours.stdin.close()
    until(lambda: runs(host))
    ours.send_signal(number)
    ours.wait(PATIENCE)
    until(host.untouched)
