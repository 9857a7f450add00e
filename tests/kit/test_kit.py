# SPDX-License-Identifier: BSD-2-Clause
"""The kit as a stranger meets it: one file, one command to build it, one results file."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import psutil
import pytest

from probes import build, cases, kit, machine
from probes.campaign import Campaign
from probes.engine import Engine, Status
from reports import schema
from reports.expectations import load_expectations
from sigprobe import ROOTS, version

TOP = Path(__file__).resolve().parents[2]
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
LONG = str(10**12)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kit") / "sigprobe.c"
    path.write_text(kit.text(ROOTS), "utf-8")
    return path


@pytest.fixture(scope="module")
def program(source: Path) -> Path:
    """Build it as its first comment says, with the compiler that the engine is built with."""
    path = source.with_name("sigprobe")
    command = [*build.toolchain().command, "-pthread", str(source), "-o", str(path)]
    subprocess.run(command, check=True)
    return path


def run(program: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words], capture_output=True, text=True, env={**os.environ, **more}
    )


def results(ran: subprocess.CompletedProcess[str]) -> schema.Results:
    return schema.loads(ran.stdout.encode(), "the kit's output")


def complaint(ran: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which the kit refused to work."""
    assert (ran.returncode, ran.stdout) == (2, ""), ran
    assert ran.stderr.startswith("sigprobe: ")
    assert ran.stderr.count("\n") == 1
    return ran.stderr


# ---------------------------------------------------------------------- the file


def test_the_same_sources_make_the_same_file(source: Path, tmp_path: Path) -> None:
    make = [sys.executable, str(TOP / "sigprobe.py"), "kit"]
    env = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    printed = subprocess.run(make, capture_output=True, check=True, cwd=tmp_path, env=env)
    subprocess.run([*make, "-o", str(tmp_path / "own.c")], check=True)
    assert printed.stdout == source.read_bytes()
    assert (tmp_path / "own.c").read_bytes() == source.read_bytes()


def test_it_is_one_file_that_fits_into_a_mail(source: Path) -> None:
    text = source.read_text("utf-8")
    assert len(text.encode()) < 600_000
    assert text.isascii()
    assert '#include "' not in text
    assert str(TOP) not in text


def test_it_begins_by_telling_a_stranger_what_to_do(source: Path) -> None:
    head = source.read_text("utf-8").partition("*/\n\n")[0]
    for needed in (
        f"sigprobe {version()}",
        "cc -pthread sigprobe.c -o sigprobe\n",
        "./sigprobe run -o results.json",
        "Send back results.json",
        "--help",
        "SPDX-License-Identifier: BSD-2-Clause",
    ):
        assert needed in head


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("standard", [STRICT, ("-std=c2x", *STRICT[1:]), ("-Wall", "-Werror")])
def test_it_builds_without_a_warning(
    source: Path, tmp_path: Path, compiler: str, standard: tuple[str, ...]
) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler} here")
    flags = [*standard, "-O1", "-pthread"]
    built = subprocess.run(
        [compiler, *flags, str(source), "-o", str(tmp_path / "kit")], capture_output=True, text=True
    )
    assert (built.returncode, built.stderr) == (0, "")


# ---------------------------------------------------------------------- the same as in Python


@pytest.fixture(scope="module")
def plain_run(program: Path) -> schema.Results:
    ran = run(program, "run", "--trials", "4")
    assert ran.returncode in (0, 1)
    return results(ran)


@pytest.fixture(scope="module")
def measured(plain_run: schema.Results) -> dict[str, schema.Case]:
    ids = [case.id for case in plain_run.cases]
    return {case.id: case for case in Campaign(ids, trials=4, roots=ROOTS).run().cases}


def test_a_plain_run_takes_the_cases_that_python_takes(plain_run: schema.Results) -> None:
    known = cases.universe(*ROOTS)
    assert [case.id for case in plain_run.cases] == sorted(known.default)


def test_cases_have_the_same_status_and_definition(
    plain_run: schema.Results, measured: dict[str, schema.Case]
) -> None:
    def told(case: schema.Case) -> tuple[object, ...]:
        return case.id, case.status, case.reason, case.definition, case.trials

    assert list(map(told, plain_run.cases)) == [told(measured[c.id]) for c in plain_run.cases]


def test_cases_with_one_possible_outcome_have_the_same(
    plain_run: schema.Results, measured: dict[str, schema.Case]
) -> None:
    known = load_expectations(machine.name(Engine.load(*ROOTS)))
    compared = 0
    for case in plain_run.cases:
        entry = known.expect(case.id).outcome
        if entry and len(entry.outcomes) == 1 and case.trials:
            assert (case.id, _clear(case)) == (case.id, _clear(measured[case.id]))
            compared += 1
    assert compared > 50


def _clear(case: schema.Case) -> set[str]:
    return set(case.outcomes) - {"ambiguous"}


def test_the_machine_is_described_in_the_same_words(plain_run: schema.Results) -> None:
    here = machine.fingerprint(Engine.load(*ROOTS))
    if here.kqueue == "libkqueue":
        pytest.skip("the engine has libkqueue here, which the kit has not")
    assert plain_run.platform == here


def test_all_cases_are_listed_with_what_keeps_them_from_running(program: Path) -> None:
    engine = Engine.load(*ROOTS)
    rows = []
    for id in cases.universe(*ROOTS).ids:
        status, reason = engine.check(id)
        rows.append(f"{id}\tyes" if status is Status.MEASURED else f"{id}\tno\t{reason}")
    ran = run(program, "list")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == rows


@pytest.mark.parametrize(
    "patterns",
    [
        ["*/kqueue/*"],
        ["read-pipe/SIG[!C]*/before", "nanosleep/*"],
        [READ, READ, "poll/SIGUSR2/handler/open/kill/none/asleep", "poll/*/sweep"],
    ],
)
def test_patterns_select_what_they_select_in_python(program: Path, patterns: list[str]) -> None:
    listed = run(program, "list", *patterns).stdout.splitlines()
    assert [row.partition("\t")[0] for row in listed] == cases.universe(*ROOTS).select(patterns)


def test_its_text_is_laid_out_as_python_lays_it_out(plain_run: schema.Results) -> None:
    ran = json.loads(schema.dumps(plain_run))
    assert ran["run"]["python"] is None
    assert plain_run.run.tool == version()


def test_written_again_by_python_only_the_seconds_look_different(program: Path) -> None:
    ran = run(program, "run", READ, "--trials", "3", "--seed", "9")
    lines = zip(ran.stdout.splitlines(), schema.dumps(results(ran)).splitlines(), strict=True)
    for ours, theirs in lines:
        assert _without_seconds(ours) == _without_seconds(theirs)
    assert results(ran).run.seed == 9


def _without_seconds(line: str) -> str:
    head, colon, tail = line.partition('"seconds": ')
    return head + colon + tail.lstrip("0123456789.") if colon else line


def test_a_run_says_when_it_was_in_utc(program: Path) -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    ran = run(program, "run", READ, "--trials", "1", TZ="Asia/Tokyo")
    started = datetime.fromisoformat(results(ran).run.started.replace("Z", "+00:00"))
    assert before <= started <= datetime.now(timezone.utc)


# ---------------------------------------------------------------------- results and interruption


def test_results_go_to_a_file_in_one_step(program: Path, tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(target)
    ran = run(program, "run", READ, "--trials", "5", "-o", str(link))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert schema.load(target).cases[0].outcomes == {"interrupted": 5}
    assert target.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "results.json"]


@pytest.mark.parametrize("place", ["", "absent/results.json"])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_measured(
    program: Path, tmp_path: Path, place: str
) -> None:
    started = time.monotonic()
    words = complaint(run(program, "run", READ, "--trials", LONG, "-o", str(tmp_path / place)))
    assert str(tmp_path) in words and "cannot be written" in words
    assert time.monotonic() - started < 60
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_results_that_do_not_fit_are_printed_instead(program: Path) -> None:
    ran = run(program, "run", READ, "--trials", "2", "-o", "/dev/full")
    assert ran.returncode == 2
    assert "No space left" in ran.stderr
    assert results(ran).cases[0].trials == 2


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_keeps_what_it_has_and_leaves_nothing(
    program: Path, tmp_path: Path, by: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    target = tmp_path / "results.json"
    env = {**os.environ, "TMPDIR": str(scratch)}
    command = [str(program), "run", READ, "--trials", LONG, "-o", str(target)]
    with subprocess.Popen(command, env=env, start_new_session=True) as started:
        process = psutil.Process(started.pid)
        while not process.children():
            time.sleep(0.01)
        [child] = process.children()
        # Its threads are there, so trials are under way.
        while child.is_running() and child.num_threads() < 3:
            time.sleep(0.01)
        time.sleep(0.2)
        started.send_signal(by)
        started.send_signal(by)  # as timeout(1) does: to the process, then to its group
        assert started.wait() == 130
    [case] = schema.load(target).cases
    assert set(case.outcomes) <= {"interrupted"}
    assert not child.is_running()
    assert list(scratch.iterdir()) == []


def test_a_signal_that_was_ignored_from_the_start_stays_so(program: Path, tmp_path: Path) -> None:
    deaf = partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
    target = tmp_path / "results.json"
    command = [str(program), "run", READ, "--trials", "20000", "-o", str(target)]
    with subprocess.Popen(command, preexec_fn=deaf) as started:
        while not psutil.Process(started.pid).children():
            time.sleep(0.01)
        started.send_signal(signal.SIGHUP)
        assert started.wait() == 0
    assert schema.load(target).cases[0].trials == 20000


def test_habits_of_whoever_starts_it_do_not_matter(program: Path) -> None:
    def inherit() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

    ran = subprocess.run(
        [program, "run", READ, "--trials", "5"], capture_output=True, text=True, preexec_fn=inherit
    )
    assert results(ran).cases[0].outcomes == {"interrupted": 5}


def test_exit_status_tells_of_cases_that_say_nothing(program: Path) -> None:
    gated = "read-pipe/SIGUSR1/handler/open/pthread_kill/kqueue/asleep"
    assert run(program, "run", READ, "--trials", "5").returncode == 0
    if Engine.load(*ROOTS).check(gated)[0] is Status.UNSUPPORTED:
        assert run(program, "run", gated).returncode == 0


# ---------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "run or list"),
        (["measure"], "measure"),
        (["run", "read-pope/*"], "nothing is called read-pope; nearest: read-pipe"),
        (["run", "read-pipe"], "'read-pipe/*'"),
        (["run", READ.replace("SIGUSR1", "SIGUSER1")], "SIGUSER1"),
        (["run", "read-pipe/SIGUSR1"], "form"),
        (["run", "x" * 300], "no case"),
        (["run", "*/SIGUSR1/*/xyzzyxyzzy/*"], "nothing is called xyzzyxyzzy"),
        (["run", "--trials"], "--trials"),
        (["run", "--trials", "0"], "from 1"),
        (["run", "--trials=many"], "--trials"),
        (["run", "--trials", "9" * 30], "--trials"),
        (["run", "--seed", "-1"], "--seed"),
        (["run", "--al"], "--al"),
        (["run", "-o"], "-o"),
        (["list", "--all"], "--all"),
        (["run", "a\x1b[2J"], "?[2J"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(program: Path, words: list[str], said: str) -> None:
    assert said in complaint(run(program, *words))


def test_help_and_version_are_output(program: Path) -> None:
    assert run(program, "--version").stdout == f"sigprobe {version()}\n"
    for words in (["--help"], ["run", "--help"], ["-h"]):
        ran = run(program, *words)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "--trials" in ran.stdout


# ---------------------------------------------------------------------- machines with less


@pytest.mark.skipif(sys.platform != "linux", reason="limits address space as Linux counts it")
def test_64_mb_are_enough(program: Path) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_AS, (64 << 20, 64 << 20))
    ran = subprocess.run(
        [program, "run", "read-pipe/SIGUSR1/*/none/asleep", "--trials", "3"],
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert {case.status for case in results(ran).cases} <= {"measured", "unsupported"}


@pytest.mark.skipif(sys.platform != "linux", reason="binds to a processor as Linux does")
def test_one_processor_is_enough(program: Path) -> None:
    ran = subprocess.run(
        [program, "run", READ, "--trials", "10"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]),
    )
    assert results(ran).platform.cpus == 1
    assert results(ran).cases[0].outcomes == {"interrupted": 10}
