# SPDX-License-Identifier: BSD-2-Clause
"""Every kernel that can start here brings the kit's answer back, and nothing of it stays."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kernels.__main__ import main
from kernels.cage import Ended
from kernels.kernel import Kernel, Order
from kernels.measure import Kits, kits, measure
from kernels.table import KERNELS
from reports.schema import load

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="cages are made of Linux's namespaces"
)

STAND_IN = Path(__file__).parent / "stand_in.c"
ROOT = Path(__file__).parents[2]
PATIENCE = 120  # s; only a failing test waits as long


@pytest.fixture(scope="session")
def built() -> Iterator[Kits]:
    with kits(STAND_IN) as made:
        yield made


def ready(kernel: Kernel) -> Kernel:
    reason = kernel.gate()
    if reason:
        pytest.skip(reason)
    return kernel


def run(
    kernel: Kernel, built: Kits, folder: Path, words: list[str], seconds: int = 60
) -> tuple[str, str]:
    (answer,) = measure([ready(kernel)], built, ["run", *words], seconds, folder, lambda _: None)
    return answer.state, answer.remark


def named(name: str) -> Kernel:
    return next(kernel for kernel in KERNELS if kernel.name == name)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: str(kernel.name))
def test_the_answer_comes_back_whole(kernel: Kernel, built: Kits, tmp_path: Path) -> None:
    before = Path("/proc/mounts").read_text()
    state, remark = run(kernel, built, tmp_path, ["two words", "*/*"])
    assert state == "measured", remark
    results = load(tmp_path / f"{kernel.name}.json")
    assert len(results.cases) == 300
    assert results.platform.version.startswith("two words")
    assert results.platform.emulation == kernel.emulation
    assert results.platform.id.endswith("standin" + kernel.suffix)
    assert Path("/proc/mounts").read_text() == before


@pytest.mark.parametrize("name", ["linux", "gvisor", "uml", "debian-6.1", "qemu-user-s390x"])
def test_one_that_overruns_is_cut_off_with_what_it_has(
    name: str, built: Kits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernels.measure._LEAST", 3)
    state, remark = run(named(name), built, tmp_path, ["--wait"], seconds=3)
    assert (state, "cut off after 3 s" in remark) == ("partial", True), remark
    assert len(load(tmp_path / f"{name}.json").cases) == 300


@pytest.mark.parametrize("name", ["linux", "uml"])
def test_one_that_does_not_answer_leaves_no_file(name: str, built: Kits, tmp_path: Path) -> None:
    state, remark = run(named(name), built, tmp_path, ["--fail"])
    assert (state, remark) == ("failed", "the kit: ended with status 3: this kit has failed")
    assert not list(tmp_path.iterdir())


def test_one_that_ignores_the_limit_is_killed(
    built: Kits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernels.measure._LEAST", 1)
    state, _ = run(named("linux"), built, tmp_path, ["--deaf"], seconds=1)
    assert state == "failed"


def test_what_one_kernel_leaves_of_the_time_goes_to_the_next(
    tmp_path: Path, built: Kits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernels.measure._AROUND", 0)
    monkeypatch.setattr("kernels.measure._LEAST", 1)
    shares: list[int] = []

    def start(order: Order) -> Ended:
        shares.append(order.seconds)
        return Ended(b"", b"", 3)

    idle = Kernel(name="idle", what="", start=start, target=None)
    measure([idle] * 3, built, [], 300, tmp_path, lambda _: None)
    assert [round(share, -1) for share in shares] == [100, 150, 300]


@pytest.mark.parametrize(("asked", "given"), [(None, 7), (3, 3)])
def test_a_case_gets_the_trials_asked_for_or_the_kernels_own_number(
    tmp_path: Path, built: Kits, asked: int | None, given: int
) -> None:
    orders: list[Order] = []

    def start(order: Order) -> Ended:
        orders.append(order)
        return Ended(b"", b"", 3)

    idle = Kernel(name="idle", what="", start=start, target=None, trials=7)
    measure([idle], built, ["run", "x/*"], 60, tmp_path, lambda _: None, asked)
    assert orders[0].arguments == ("run", "x/*", "--trials", str(given))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start `python -m kernels NAME` on a kit that waits, up to where the kit can be seen."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        ready(named(name))
        words = [name, "--kit", str(STAND_IN), "--pattern=--wait", "-o", str(tmp_path / "out")]
        (tmp_path / "temporary").mkdir()
        process = subprocess.Popen(
            [sys.executable, "-m", "kernels", *words, "--minutes", str(PATIENCE / 60)],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        wanted = {"linux": "kit-native", "uml": "linux.uml", "gvisor": "runsc-sandbox"}[name]
        until(lambda: any(program(p).endswith(wanted) for p in family(process)))
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def program(process: psutil.Process) -> str:
    try:
        return process.cmdline()[0]
    except (psutil.Error, IndexError):
        return ""  # it ended just now


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


@pytest.mark.parametrize("name", ["linux", "uml", "gvisor"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(
    started: Callable[[str], subprocess.Popen[bytes]],
    tmp_path: Path,
    name: str,
    number: signal.Signals,
) -> None:
    process = started(name)
    children = family(process)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (130, b"kernels: interrupted\n")
    assert gone(children)
    assert not list((tmp_path / "temporary").iterdir())
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["linux", "uml", "gvisor"])
def test_no_process_survives_even_a_kill(
    started: Callable[[str], subprocess.Popen[bytes]], name: str
) -> None:
    process = started(name)
    children = family(process)
    process.kill()
    until(lambda: gone(children))


def test_a_gate_names_what_is_missing_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["linux", "--kit", str(STAND_IN), "-o", str(tmp_path)]) == 0
    assert "gated" in capsys.readouterr().out
    assert main(["--list", "uml"]) == 0
    assert "apt install" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["windows"], "kernels: no kernel is called windows; they are linux, linux-musl, "),
        (["linux", "--kit", "/no/such.c"], "kernels: /no/such.c: no such file\n"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "-o", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(told) and said.count("\n") == 1
