# SPDX-License-Identifier: BSD-2-Clause
"""A trace shows what the program did and nothing of whoever ran it, and never hangs a bundle."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from probes import cases, repro, tracing
from reports.schema import Fault, load
from sigprobe import ROOTS, main

HELLO = '#include <stdio.h>\nint main(void) { puts("outcome: interrupted"); return 0; }\n'
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"
KEPT = max((Path(__file__).resolve().parents[2] / "reports/results").iterdir())
RESULTS = KEPT / "qemu-user-s390x.json"


def stand_in(script: str, *show: str) -> tracing.Tracer:
    """Return a tracer that is a shell script over `"$1"`, the program."""
    return tracing.Tracer("stand-in", ("sh", "-c", script, "sh"), show, r"/(\d+) ")


def test_a_trace_holds_what_the_tracer_wrote_and_the_programs_answer() -> None:
    text = tracing.trace(HELLO, stand_in('echo "repro/4711 read() = 0" > trace; "$1"'))
    assert "outcome: interrupted" in text.splitlines()[1]
    assert text.splitlines()[-1] == "repro/1 read() = 0"


def test_a_tracer_may_need_another_program_to_show_what_it_kept() -> None:
    tracer = stand_in('"$1" > /dev/null; echo raw > trace', "sed", "s/raw/CALL read/", "trace")
    assert tracing.trace(HELLO, tracer).endswith("CALL read\n")


@pytest.mark.parametrize(
    ("tracer", "words"),
    [
        (stand_in("exit 3"), "stand-in failed"),
        (stand_in("echo may not >&2; exit 1"), "may not"),
        (stand_in('"$1"'), "wrote nothing"),
        (stand_in("echo > trace"), "saw nothing"),
        (tracing.Tracer("no-such-tracer", ("no-such-tracer",)), "No such file"),
        (stand_in("echo x > trace", "false-tracer-reader"), "could not show"),
    ],
)
def test_a_tracer_that_does_not_work_is_told_in_a_line(tracer: tracing.Tracer, words: str) -> None:
    with pytest.raises(Fault, match=words) as caught:
        tracing.trace(HELLO, tracer)
    assert caught.value.status == 3


def test_a_tracer_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    kept = tmp_path / "pids"
    script = f"sleep 1000 & echo $! >> {kept}; echo $$ >> {kept}; wait"
    with pytest.raises(Fault, match="longer than"):
        tracing.trace(HELLO, stand_in(script), seconds=5)
    for pid in kept.read_text().split():
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or state.read_text().rpartition(") ")[2].startswith("Z")


def test_names_folders_and_ids_are_taken_out() -> None:
    text = (
        "1.0 repro/4711 open(/people/ann/x, 47110) by ann on box\n"
        "1.1 repro/4712 tgkill(4711, 4712, USR1) /tmp/sigprobe-x1/repro annex\x1b[31m\n"
    )
    private = {"/people/ann": "HOME", "ann": "USER", "box": "HOST", "/tmp/sigprobe-x1": "FOLDER"}
    assert tracing.scrubbed(text, r"/(\d+) ", private) == (
        "1.0 repro/1 open(HOME/x, 47110) by USER on HOST\n"
        "1.1 repro/2 tgkill(1, 2, USR1) FOLDER/repro annex\ufffd[31m"
    )


def test_a_long_trace_keeps_its_start_and_its_end() -> None:
    script = 'seq 1 5000 > trace; "$1"'
    lines = tracing.trace(HELLO, stand_in(script)).splitlines()
    assert "1" in lines and "5000" in lines and "3,000 lines left out" in "\n".join(lines)


def test_a_bundle_of_another_machines_results_is_whole_and_says_why_it_has_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [id, *_] = [case.id for case in load(RESULTS).cases if case.id.startswith("read-pipe")]
    bundle = tmp_path / "bundle"
    assert main(["evidence", str(RESULTS), id, "--trace", "-o", str(bundle)]) == 0
    [line] = [x for x in capsys.readouterr().err.splitlines() if "no trace" in x]
    assert "s390x" in line
    assert (bundle / "report.md").exists() and not (bundle / "trace.txt").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="perf is Linux's")
def test_perf_shows_the_signal_and_leaves_the_answer_as_it_is() -> None:
    if not shutil.which("perf"):
        pytest.skip("perf is not installed")
    tried = subprocess.run(["perf", "trace", "-o", os.devnull, "true"], capture_output=True)
    if tried.returncode:
        pytest.skip("perf trace may not run here")
    case = cases.universe(*ROOTS).case(READ)
    assert isinstance(case, cases.Case)
    text = tracing.trace(repro.program(case))
    assert "outcome: interrupted" in text.splitlines()[1]
    assert "tgkill" in text and "signal_deliver" in text
