# SPDX-License-Identifier: BSD-2-Clause
"""The kit on other hosts: sent, built with their cc, run and removed over one ssh connection each.

A connection's standard input carries a shell script (remote.sh) and the kit's source, and then
stays open for as long as this side lives. Its end tells the host that the connection broke or that
this side gave up: everything there is ended and removed.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import IO

from attrs import Factory, define

from kernels.answers import results
from kernels.cage import Ended
from reports.schema import Fault, Results

SSH = (
    *("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"),
    # Half a minute without an answer is a broken connection.
    *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"),
)
_SCRIPT = (Path(__file__).parent / "remote.sh").read_text(encoding="utf-8")
_FAREWELL_SECONDS = 10
_RESULT = re.compile(r"sigprobe-result (\d+) (\d+) (\d+)")

Tell = Callable[[str, str], None]


def run_on_hosts(
    hosts: Sequence[str],
    source: bytes,
    arguments: Sequence[str],
    seconds: int,
    tell: Tell,
    ssh: Sequence[str] = SSH,
) -> Iterator[tuple[str, Results | Fault]]:
    """Run the kit on all hosts side by side; yield each host with its results as they come.

    `source` is the kit's text, `arguments` its command line, `seconds` the limit for each host.
    `tell` is called with a host and the stage it has reached: connecting, building, running. A
    host that fails yields its Fault (2 not a host's name, 3 the rest), and the others go on.
    """
    errand = _Errand(source, tuple(arguments), seconds, tell, tuple(ssh))
    with ThreadPoolExecutor(len(hosts) or 1) as pool:
        asked = {pool.submit(errand.run, host): host for host in dict.fromkeys(hosts)}
        try:
            for done in as_completed(asked):
                yield asked[done], done.result()
        finally:
            errand.give_up()


@define(eq=False)
class _Errand:
    """The same thing to do on every host, and the connections that are open for it."""

    source: bytes
    arguments: tuple[str, ...]
    seconds: int
    tell: Tell
    ssh: tuple[str, ...]
    _open: set[subprocess.Popen[bytes]] = Factory(set)
    _given_up: bool = False
    _lock: threading.Lock = Factory(threading.Lock)

    def run(self, host: str) -> Results | Fault:
        """Return the results of one host, or why there are none."""
        try:
            if not host or host.startswith("-"):
                raise Fault(f"{host!r} is not the name of a host")
            self.tell(host, "connecting")
            return results(self._converse(host), host)
        except Fault as fault:
            return fault

    def give_up(self) -> None:
        """End every connection, and let none be opened after this."""
        with self._lock:
            self._given_up = True
            for process in self._open:
                process.kill()

    def _converse(self, host: str) -> Ended:
        script = f"set -- {len(self.source)} {shlex.join(self.arguments)}\n{_SCRIPT}".encode()
        # Whatever the login shell is, sh reads the script: byte by byte, the source comes next.
        command = f"exec sh -c 'eval \"$(dd bs=1 count={len(script)} 2>/dev/null)\"'"
        with tempfile.TemporaryFile() as errors:
            process = self._connect([*self.ssh, "--", host, command], errors)
            late = threading.Timer(self.seconds, process.kill)
            late.start()
            try:
                _send(process, script + self.source)
                return self._listen(process, host)
            except EOFError:
                process.wait()
                errors.seek(0)
                why = Ended(b"", errors.read(), process.returncode).last_words()
                if not late.is_alive():
                    why = f"no answer within {self.seconds} s"
                raise Fault(f"{host}: the connection ended: {why}", 3) from None
            finally:
                late.cancel()
                self._disconnect(process)

    def _connect(self, command: list[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._given_up:
                raise Fault("given up before it was connected", 3)
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,  # ^C is for this side to act on
                )
            except OSError as error:
                raise Fault(f"{command[0]}: {error.strerror}", 3) from None
            self._open.add(process)
        return process

    def _listen(self, process: subprocess.Popen[bytes], host: str) -> Ended:
        assert process.stdout
        for line in process.stdout:
            text = line.decode(errors="replace").strip()
            if text in ("sigprobe-building", "sigprobe-running"):
                self.tell(host, text.removeprefix("sigprobe-"))
            elif result := _RESULT.fullmatch(text):
                status, out, err = map(int, result.groups())
                return Ended(_exactly(process.stdout, out), _exactly(process.stdout, err), status)
        raise EOFError

    def _disconnect(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._open.discard(process)
        assert process.stdin and process.stdout
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(_FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _send(process: subprocess.Popen[bytes], content: bytes) -> None:
    assert process.stdin
    try:
        process.stdin.write(content)
        process.stdin.flush()
    except BrokenPipeError:
        raise EOFError from None


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content
