# SPDX-License-Identifier: BSD-2-Clause
"""pytest's face: verdicts as test outcomes, options, the results file, the summary."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from reports import schema
from reports.expectations import Expected
from reports.verdicts import Judgement

TOP = Path(__file__).resolve().parents[2]
READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"


def face_module() -> ModuleType:
    """Load the top conftest.py by its place: other folders have one of that name."""
    spec = importlib.util.spec_from_file_location("sigprobe_face", TOP / "conftest.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


say = face_module().say


def face(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--sigprobe", "--sigprobe-trials", "20", *words]
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return subprocess.run(command, cwd=TOP, env=plain, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("conforms", None),
        ("unpredicted", None),
        ("unsupported", pytest.skip.Exception),
        ("known", pytest.xfail.Exception),
        ("fixed", pytest.fail.Exception),
        ("deviates", pytest.fail.Exception),
        ("varies", pytest.fail.Exception),
        ("inconclusive", pytest.fail.Exception),
    ],
)
def test_a_verdict_is_a_test_outcome(verdict: str, outcome: type[BaseException] | None) -> None:
    case = schema.Case.blank(READ, "", "measured")
    judgement = Judgement(verdict, "because of this", Expected())
    if outcome is None:
        say(case, judgement)
    else:
        with pytest.raises(outcome, match="because of this"):
            say(case, judgement)


def test_a_stale_gate_fails() -> None:
    case = schema.Case.blank(READ, "", "measured")
    with pytest.raises(pytest.fail.Exception):
        say(case, Judgement("conforms", "fine", Expected(), stale_gate="no such call"))


def test_a_session_measures_saves_and_sums_up(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    ran = face("--sigprobe-patterns", READ, "--sigprobe-results", str(path))
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout
    assert "1 conforms" in ran.stdout
    (case,) = schema.load(path).cases
    assert (case.id, case.trials) == (READ, 20)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sigprobe-patterns", "raed-pipe/*"), "read-pipe"),
        (("--sigprobe-results", "/no/such/folder/r.json"), "/no/such/folder/r.json"),
        (("--sigprobe-trials", "0"), "1 or more"),
    ],
)
def test_wrong_options_are_refused(words: tuple[str, ...], said: str) -> None:
    ran = face(*words)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert said in ran.stdout + ran.stderr


def test_a_plain_pytest_measures_nothing() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "probes"]
    ran = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
    assert ran.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
