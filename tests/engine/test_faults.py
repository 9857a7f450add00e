# SPDX-License-Identifier: BSD-2-Clause
"""Planted faults: each gets between the engine and its C library, and is noticed for what it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from engine_tools import FAULTS, compiled, preload, sigprobe

from reports import schema

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="LD_PRELOAD and ptrace as Linux has them"
)

HANDLER = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"
IGNORE = "read-pipe/SIGUSR1/ignore/open/pthread_kill/none/asleep"
WATCHED = "read-pipe/SIGUSR1/default/blocked/kill/{}/asleep"
TRIALS = 200


def measured(done: subprocess.CompletedProcess[str]) -> schema.Case:
    """Return the one record that a run printed as JSON."""
    (case,) = schema.loads(done.stdout.encode(), "standard output").cases
    return case


def run(case: str, *options: str) -> tuple[str, ...]:
    return ("run", case, "--trials", str(TRIALS), *options)


@pytest.mark.parametrize("case", [HANDLER, IGNORE, WATCHED.format("signalfd")])
def test_without_a_fault_all_is_well(case: str) -> None:
    done = sigprobe(*run(case, "--format", "json"))
    record = measured(done)
    assert done.returncode == 0, done.stderr
    assert len(record.outcomes) == 1
    assert record.traced is False
    assert record.sightings.missed == 0


def test_a_read_that_is_retried_after_eintr_deviates(tmp_path: Path) -> None:
    env = preload("retry_read", tmp_path)
    assert measured(sigprobe(*run(HANDLER, "--format", "json"), env=env)).outcomes == {
        "restarted": TRIALS
    }
    done = sigprobe(*run(HANDLER), env=env)
    assert done.returncode == 1
    assert "deviates" in done.stdout


@pytest.mark.parametrize("case", [HANDLER, IGNORE])
def test_a_sender_without_effect_is_an_error_and_no_undisturbed(case: str, tmp_path: Path) -> None:
    done = sigprobe(*run(case, "--format", "json"), env=preload("drop_pthread_kill", tmp_path))
    record = measured(done)
    assert done.returncode == 1
    assert (record.status, record.outcomes) == ("error", {})
    assert record.reason is not None
    assert "pthread_kill has no effect" in record.reason


def test_a_send_that_fails_is_no_undisturbed(tmp_path: Path) -> None:
    queued = HANDLER.replace("pthread_kill", "sigqueue")
    env = preload("refuse_sigqueue", tmp_path)
    done = sigprobe(*run(queued, "--format", "json"), env=env)
    record = measured(done)
    assert done.returncode == 1
    assert record.outcomes == {"interrupted": 10, "ambiguous": TRIALS - 10}  # two were controls
    assert (record.note or "").startswith("sigqueue failed: ")


def test_a_sender_that_loses_some_signals_varies(tmp_path: Path) -> None:
    env = preload("drop_some_signals", tmp_path)
    record = measured(sigprobe(*run(HANDLER, "--format", "json"), env=env))
    assert set(record.outcomes) == {"interrupted", "undisturbed"}
    assert 0 < record.outcomes["undisturbed"] < TRIALS // 4
    done = sigprobe(*run(HANDLER), env=env)
    assert done.returncode == 1
    assert "varies" in done.stdout


@pytest.mark.parametrize("watcher", ["signalfd", "signalfd-epoll"])
def test_events_that_a_watcher_loses_are_missed(watcher: str, tmp_path: Path) -> None:
    env = preload("lose_events", tmp_path)
    case = WATCHED.format(watcher)
    record = measured(sigprobe(*run(case, "--format", "json"), env=env))
    assert record.sightings.seen + record.sightings.missed == TRIALS
    assert record.sightings.missed == TRIALS // 10
    done = sigprobe(*run(case), env=env)
    assert done.returncode == 1, done.stdout
    assert "missed" in done.stdout


def test_a_call_that_never_returns_is_hung_and_the_campaign_goes_on(tmp_path: Path) -> None:
    script = (
        "import sys; from probes.engine import Engine; from sigprobe import ROOTS;"
        "record = Engine.load(*ROOTS).measure(sys.argv[1], 250, patience_ms=300);"
        "print(record.outcomes, record.note)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, IGNORE],
        env=preload("read_for_ever", tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    outcomes, _, note = done.stdout.partition("} ")
    assert "'undisturbed': 24" in outcomes
    assert "'hung': " in outcomes
    assert note.startswith("hung while waiting until the released call returns")


@pytest.mark.parametrize("case", [HANDLER, IGNORE])
def test_a_tracer_is_named_and_no_verdict_given(case: str, tmp_path: Path) -> None:
    tracer = compiled(FAULTS / "tracer.c", tmp_path / "tracer")
    if subprocess.run([tracer, "true"]).returncode != 0:
        pytest.skip("ptrace is not allowed here")
    under = [str(tracer)]
    done = sigprobe(*run(case, "--format", "json"), under=under)
    results = schema.loads(done.stdout.encode(), "standard output")
    assert done.returncode == 1
    assert results.cases[0].traced is True
    assert "traced by tracer" in (results.cases[0].note or "")
    assert results.platform.tracer == "tracer"
    assert results.platform.id.endswith("+traced")
    told = sigprobe(*run(case), under=under)
    assert "conforms" not in told.stdout
    assert "a tracer was attached" in told.stdout
