# SPDX-License-Identifier: BSD-2-Clause
"""The command line as a user meets it: output, messages, exit status."""

import contextlib
import html
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import psutil
import pytest

from probes import cases
from reports import schema
from sigprobe import ROOTS

TOP = Path(__file__).resolve().parents[2]
KEPT = max((TOP / "reports" / "results").iterdir())  # the newest day's results
SIGPROBE = [sys.executable, str(TOP / "sigprobe.py")]
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"


def sigprobe(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SIGPROBE, *words], capture_output=True, text=True, env={**os.environ, **more}
    )


def complaint(ran: subprocess.CompletedProcess[str], status: int) -> str:
    """Return the one line that a command failed with."""
    assert ran.returncode == status, ran
    assert ran.stderr.startswith("sigprobe: ")
    assert ran.stderr.count("\n") == 1
    return ran.stderr


def test_a_run_answers_questions_before_its_table() -> None:
    ran = sigprobe("run", READ, "--trials", "20")
    assert ran.returncode == 0, ran
    assert ran.stderr == ""
    assert ran.stdout.index("Which calls fail with EINTR") < ran.stdout.index(READ)
    assert "interrupted" in ran.stdout


def test_a_run_prints_a_results_file() -> None:
    ran = sigprobe("run", READ, "--trials", "20", "--seed", "7", "--format", "json")
    results = schema.loads(ran.stdout.encode(), "output")
    (case,) = results.cases
    assert (case.id, case.trials, results.run.seed) == (READ, 20, 7)


@pytest.mark.parametrize("format", ["table", "markdown", "csv", "junit", "github"])
def test_a_run_and_a_report_of_its_file_show_the_same(tmp_path: Path, format: str) -> None:
    path = tmp_path / "r.json"
    ran = sigprobe("run", READ, "--trials", "20", "-o", str(path), "--format", format)
    assert ran.returncode == 0, ran
    assert READ in ran.stdout
    told = sigprobe("report", str(tmp_path), "--format", format)
    assert told.returncode == 0, told
    assert READ in told.stdout


def test_what_deviates_is_exit_status_1(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    sigprobe("run", READ, "--trials", "20", "-o", str(path))
    results = schema.load(path)
    results.cases[0].outcomes = {"undisturbed": 20}
    schema.save(results, path)
    told = sigprobe("report", str(path))
    assert told.returncode == 1
    assert "deviates" in told.stdout


def test_a_file_compares_equal_to_itself(tmp_path: Path) -> None:
    path = str(tmp_path / "r.json")
    sigprobe("run", READ, "--trials", "20", "-o", path)
    same = sigprobe("compare", path, path)
    assert same.returncode == 0
    assert "changed: nothing" in same.stdout


def test_a_changed_answer_is_exit_status_1(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    sigprobe("run", READ, "--trials", "200", "-o", str(old))
    results = schema.load(old)
    results.cases[0].outcomes = {"undisturbed": 200}
    schema.save(results, new)
    changed = sigprobe("compare", str(old), str(new))
    assert changed.returncode == 1
    assert READ in changed.stdout


def test_evidence_is_a_folder_that_says_where_it_is(tmp_path: Path) -> None:
    path, bundle = str(tmp_path / "r.json"), tmp_path / "bundle"
    sigprobe("run", READ, "--trials", "200", "-o", path)
    told = sigprobe("evidence", path, READ, "-o", str(bundle))
    assert told.returncode == 0, told
    assert told.stdout == f"{bundle}\n"
    assert "While a thread is asleep in read-pipe" in (bundle / "report.txt").read_text().replace(
        "\n", " "
    )
    assert (bundle / "SHA256SUMS").exists()


def test_evidence_of_a_case_that_the_file_lacks_is_one_line(tmp_path: Path) -> None:
    path = str(tmp_path / "r.json")
    sigprobe("run", READ, "--trials", "5", "-o", path)
    missing = READ.replace("SIGUSR1", "SIGCONT")
    assert missing in complaint(sigprobe("evidence", path, missing, "-o", str(tmp_path / "b")), 2)


def test_a_folder_without_results_is_one_line(tmp_path: Path) -> None:
    assert str(tmp_path) in complaint(sigprobe("report", str(tmp_path)), 2)


def test_a_run_writes_a_results_file(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    assert sigprobe("run", READ, "--trials", "20", "-o", str(path)).returncode == 0
    assert schema.load(path).cases[0].trials == 20
    assert list(tmp_path.iterdir()) == [path]


def test_jobs_give_the_same_totals(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    words = ("read-pipe/SIGUSR1/*/open/pthread_kill/none/asleep", "--trials", "20", "--jobs", "2")
    assert sigprobe("run", *words, "-o", str(path)).returncode == 0
    assert {case.trials for case in schema.load(path).cases} == {20}


def test_the_results_name_no_host_user_or_folder(tmp_path: Path) -> None:
    ran = sigprobe("run", READ, "--trials", "5", "--format", "json")
    for private in {os.uname().nodename, str(Path.home()), str(TOP), str(tmp_path)} - {"/"}:
        assert private not in ran.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "COMMAND"),
        (("rnu",), "rnu"),
        (("run", "--trials", "0"), "--trials"),
        (("run", "--trials", "1e3"), "--trials"),
        (("run", "--trials", str(2**63)), "--trials"),
        (("run", "--jobs", "-1"), "--jobs"),
        (("run", "--format", "xml"), "--format"),
        (("run", "raed-pipe/*"), "read-pipe"),
        (("run", "raed-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"), "read-pipe"),
        (("list", "--platform", "frebsd"), "freebsd"),
        (("explain", "read-pipe"), "CALL/SIGNAL"),
        (("explain", "read-pipe/SIGKILL/handler/open/pthread_kill/none/asleep"), "default"),
        (("questions", "/no/such/file"), "/no/such/file"),
        (("run", READ, "-o", "/no/such/folder/file"), "/no/such/folder/file"),
    ],
)
def test_wrong_usage_is_one_line(words: tuple[str, ...], said: str) -> None:
    assert said in complaint(sigprobe(*words), 2)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schema": "sigprobe-results/9"}', b"\xff\xfe", b"null"]
)
def test_a_file_that_is_no_results_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    assert str(path) in complaint(sigprobe("questions", str(path)), 2)


def test_no_compiler_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    blocked = tmp_path / "site"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'ziglang' else find(name, *rest)\n"
    )
    ran = sigprobe(
        "run",
        READ,
        PATH=str(tmp_path),
        CC="",
        XDG_CACHE_HOME=str(tmp_path),
        PYTHONPATH=str(blocked),
    )
    assert "install" in complaint(ran, 3)


def test_another_platform_is_listed_without_a_compiler(tmp_path: Path) -> None:
    ran = sigprobe("list", "--platform", "darwin", "--format", "json", PATH=str(tmp_path), CC="")
    listed = {row["id"]: row for row in json.loads(ran.stdout)}
    assert list(listed) == list(cases.universe(*ROOTS).ids)
    signalfd = listed["read-pipe/SIGCONT/ignore/open/pthread_kill/signalfd/asleep"]
    assert set(signalfd) == {"id", "supported", "gate"}
    assert signalfd["supported"] is False
    assert "signalfd" in signalfd["gate"]
    kqueue = listed["read-pipe/SIGCONT/ignore/open/pthread_kill/kqueue/asleep"]
    assert kqueue == {**kqueue, "supported": True, "gate": None}


@pytest.mark.parametrize("platform", cases.PLATFORMS)
def test_every_platform_can_be_listed(platform: str) -> None:
    ran = sigprobe("list", "read-pipe/SIGCONT/*", "--platform", platform)
    assert ran.returncode == 0
    assert "read-pipe/SIGCONT/" in ran.stdout


def test_this_machine_is_listed_by_its_engine() -> None:
    ran = sigprobe("list", READ, "--format", "json")
    assert json.loads(ran.stdout) == [{"id": READ, "supported": True, "gate": None}]


def test_explain_says_what_each_platform_should_do() -> None:
    ran = sigprobe("explain", "read-pipe/SIGCONT/ignore/open/pthread_kill/kqueue/asleep")
    assert ran.returncode == 0
    sentence, _, table = ran.stdout.partition("\n\n")
    assert "SIGCONT" in sentence
    assert "kern_sig.c" in table
    for platform in cases.PLATFORMS:
        assert platform in table


def test_questions_are_answered_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    sigprobe("run", READ, "--trials", "20", "-o", str(path))
    ran = sigprobe("questions", str(path), "--format", "json")
    answers = {row["name"]: row["answer"] for row in json.loads(ran.stdout)}
    assert answers["eintr"].startswith("yes: interrupted")
    assert answers["Q1"] is None


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    status = tmp_path / "status"
    ran = subprocess.run(
        f"{{ {' '.join(SIGPROBE)} list --platform linux; echo $? >{status}; }} | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert ran.stderr == ""
    assert status.read_text() == "0\n"


ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("by", ENDS, ids=lambda by: by.name)
@pytest.mark.parametrize(("jobs", "under_way"), [("1", rb" [1-9][0-9,]* of "), ("2", rb"[1-9]/")])
def test_an_interruption_saves_what_was_measured_and_leaves_nothing(
    tmp_path: Path, jobs: str, under_way: bytes, by: signal.Signals
) -> None:
    path = tmp_path / "r.json"
    words = ["run", "read-pipe/SIGUSR1/*/open/pthread_kill/none/asleep", "--trials", "10000000"]
    terminal, line = os.openpty()
    running = subprocess.Popen(
        [*SIGPROBE, *words, "--jobs", jobs, "-o", str(path)],
        stdout=subprocess.PIPE,
        stderr=line,
        start_new_session=True,
    )
    os.close(line)
    shown = b""
    while not re.search(under_way, shown):
        shown += os.read(terminal, 4096)
    family = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, by)
    with contextlib.suppress(OSError):  # Linux reports the end of a terminal as EIO
        while more := os.read(terminal, 4096):
            shown += more
    os.close(terminal)
    running.communicate()
    assert running.returncode == 130, shown
    assert b"Traceback" not in shown
    (case, *_) = schema.load(path).cases
    assert 0 < case.trials < 10_000_000
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive


def test_the_command_that_a_page_shows_makes_the_bundle_of_its_cell(tmp_path: Path) -> None:
    shutil.copytree(KEPT, tmp_path / "results", ignore=shutil.ignore_patterns("qemu*"))

    def here(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*SIGPROBE, *words], cwd=tmp_path, capture_output=True, text=True)

    assert here("report", "results", "--format", "html", "-o", "page.html").returncode in (0, 1)
    [found] = re.findall(r'id="data">(.*?)</script>', (tmp_path / "page.html").read_text("utf-8"))
    data = json.loads(found)
    labels = [label for label, measured, *_ in data["columns"] if measured]
    shown = html.unescape(re.sub("<.*?>", "\n", data["reproduce"]))
    line = next(line for line in shown.splitlines() if "evidence" in line).partition("#")[0]
    answers = next(patterns for name, patterns in data["questions"] if name == "Q1")
    case = next(id for id in data["rows"] if any(fnmatchcase(id, glob) for glob in answers))
    for label in labels:
        words = shlex.split(line.replace("{case}", case).replace("{platform}", label))
        ran = here(*words[words.index("evidence") :])
        if ran.returncode == 0:
            assert label in (tmp_path / ran.stdout.strip() / "report.md").read_text("utf-8")
        else:
            assert f"{label} has no {case}" in ran.stderr
    assert len(list(tmp_path.glob("evidence-*"))) > 1


def test_a_case_of_the_port_without_a_program_has_a_bundle_that_says_so(tmp_path: Path) -> None:
    case = "blockif/io-uring/read/stalled/asleep"
    path = KEPT / "linux.json"
    told = sigprobe("evidence", str(path), case, "-o", str(tmp_path / "b"))
    assert told.returncode == 0, told
    assert "no straight-line program" in (tmp_path / "b" / "report.md").read_text("utf-8")
