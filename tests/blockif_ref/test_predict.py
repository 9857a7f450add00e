# SPDX-License-Identifier: BSD-2-Clause
"""The model of the cancel protocol: its predictions are current, and this machine keeps to them."""

import json
import platform
import shutil
from pathlib import Path

import pytest

import sigprobe
from blockif_ref import door, predict
from probes import cases
from probes.engine import Engine, Status
from reports.schema import Fault

TRIALS = 50
needs_spin = pytest.mark.skipif(not shutil.which("spin"), reason="needs spin")


@needs_spin
def test_the_kept_predictions_are_the_models() -> None:
    assert predict.regenerate() == predict.predictions()


def test_without_spin_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Fault, match="apt install spin") as caught:
        predict.regenerate()
    assert caught.value.status == 3


@needs_spin
@pytest.mark.parametrize(
    ("right", "wrong", "kick", "scenario", "outcome"),
    [
        # the gate forgets what is pending when its call is entered
        (
            "        if\n        :: kick == gate_ && posted -> posted = false; "
            "result = interrupted; goto out\n",
            "        posted = false;\n        if\n",
            "gate",
            "before",
            "waited",
        ),
        # the ring does not look at the request again when the call is handed in
        (
            "        :: kick == io_uring && cancelled -> result = interrupted; goto out\n",
            "",
            "io-uring",
            "before",
            "waited",
        ),
    ],
    ids=["gate", "ring"],
)
def test_a_faulty_protocol_is_told_from_the_right_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    right: str,
    wrong: str,
    kick: str,
    scenario: str,
    outcome: str,
) -> None:
    model = tmp_path / "model"
    shutil.copytree(predict.MODEL, model)
    text = (model / "cancel.pml").read_text("utf-8")
    assert text.count(right) == 1
    (model / "cancel.pml").write_text(text.replace(right, wrong), "utf-8")
    monkeypatch.setattr(predict, "MODEL", model)
    faulty = predict.regenerate()["linux"][kick][scenario]
    assert outcome in faulty and faulty != predict.outcomes("linux", kick, scenario)


def test_every_kick_is_predicted_where_it_exists() -> None:
    universe = cases.universe(*door.ROOTS)
    assert set(predict.KICKS) == set(universe.words["kick"])
    for kernel in cases.PLATFORMS:
        for kick in predict.KICKS:
            gated = universe.gate(f"blockif/{kick}/read/stalled/asleep", kernel) is not None
            assert gated == (kick not in predict.predictions()[kernel]), (kernel, kick)


@pytest.mark.skipif(platform.system() != "Linux", reason="judged for Linux")
@pytest.mark.parametrize("scenario", [*predict.SCENARIOS[1:], *predict.DERIVED])
def test_this_machine_does_what_the_model_says(scenario: str) -> None:
    engine = Engine.load(*door.ROOTS)
    machine = engine.machine()
    kernel = str(machine["emulation"] or machine["kqueue"] or "linux")
    operation = "delete" if scenario == "slow-trim" else "read"
    for kick in predict.predictions().get(kernel, {}):
        id = f"blockif/{kick}/{operation}/stalled/{scenario}"
        if engine.check(id)[0] != Status.MEASURED:
            continue
        case = engine.measure(id, TRIALS)
        if case.status == "measured":
            assert set(case.outcomes) <= set(predict.outcomes(kernel, kick, scenario)), id


def test_the_command_line_sets_measured_beside_predicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = tmp_path / "results.json"
    assert (
        sigprobe.main(
            ["run", "blockif/wait/read/stalled/asleep", "--trials", "5", "-o", str(measured)]
        )
        == 0
    )
    capsys.readouterr()
    assert sigprobe.main(["predict", str(measured), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    wait = next(row for row in rows if row["kick"] == "wait")
    assert (wait["asleep"], wait["before"]) == ("waited", "(waited)")


def test_what_the_model_does_not_allow_is_shown_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = tmp_path / "results.json"
    assert (
        sigprobe.main(
            ["run", "blockif/wait/read/stalled/asleep", "--trials", "5", "-o", str(measured)]
        )
        == 0
    )
    text = measured.read_text("utf-8")
    measured.write_text(text.replace('"waited": 5', '"hung": 5'), "utf-8")
    assert sigprobe.main(["predict", str(measured)]) == 1
    assert "waited, but hung seen" in capsys.readouterr().out
    assert sigprobe.main(["predict", "--platform", "mars"]) == 2
