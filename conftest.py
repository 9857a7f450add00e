# SPDX-License-Identifier: BSD-2-Clause
"""pytest's face: `pytest --sigprobe` measures this machine, one test a case with an expectation.

A plain `pytest` runs the tests of sigprobe itself. The verdict is the test's outcome: conforms and
unpredicted pass, a known bug is an expected failure, unsupported is a skip with its gate, anything
else fails and says why.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tabulate import tabulate

from probes import campaign, cases, machine
from probes.engine import Engine, Interrupted, Status
from reports import schema
from reports.expectations import Expectations, Expected, expectations_for, release_of
from reports.matrix import Cell, short_text
from reports.schema import Fault
from reports.verdicts import Judgement, fails, judge
from sigprobe import ROOTS

with contextlib.suppress(ImportError):  # a machine that only measures has no hypothesis
    import hypothesis

    # A deadline would make the tests depend on the machine's speed.
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("unhurried", deadline=None, suppress_health_check=slow)
    hypothesis.settings.load_profile("unhurried")

PLANES = cases.PROBES / "planes.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the case tests."""
    group = parser.getgroup("sigprobe", "measuring this machine")
    group.addoption("--sigprobe", action="store_true", help="measure instead of running tests/")
    group.addoption(
        "--sigprobe-trials", type=int, default=1000, metavar="N", help="of each case (1000)"
    )
    group.addoption(
        "--sigprobe-patterns",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only cases that match; may be repeated",
    )
    group.addoption("--sigprobe-all", action="store_true", help="not only the default cases")
    group.addoption("--sigprobe-results", type=Path, metavar="FILE", help="save a results file")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Turn a bare `pytest --sigprobe` to the cases."""
    if not config.getoption("--sigprobe"):
        return
    if config.getoption("--sigprobe-trials") < 1:
        raise pytest.UsageError("--sigprobe-trials must be 1 or more")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(PLANES)]
    path = config.getoption("--sigprobe-results")
    try:
        if path:
            campaign.check_writable(path)
        config.stash[MEASURED] = Measured(Engine.load(*ROOTS), _chosen(config))
    except Fault as fault:
        raise pytest.UsageError(str(fault)) from fault


def _chosen(config: pytest.Config) -> Sequence[str]:
    known = cases.universe(*ROOTS)
    patterns = config.getoption("--sigprobe-patterns")
    if patterns:
        return known.select(patterns)
    return known.ids if config.getoption("--sigprobe-all") else known.default


class Measured:
    """What one session measures, and what it is held against."""

    def __init__(self, engine: Engine, ids: Sequence[str]) -> None:
        """Begin a session that is to measure these cases."""
        self.engine = engine
        self.ids = ids
        self.platform = machine.fingerprint(engine)
        self.name = machine.name(engine)
        self.expectations: Expectations | None = expectations_for(self.platform)
        self.started = time.time()
        self.records: dict[str, tuple[schema.Case, Judgement]] = {}

    def expected(self, id: str) -> Expected:
        """Return what this platform is expected to do in a case."""
        if self.expectations is None:
            return Expected()
        return self.expectations.expect(id, release_of(self.platform.release))

    def measure(self, id: str, trials: int) -> tuple[schema.Case, Judgement]:
        """Measure a case and judge it; ^C keeps what was measured."""
        try:
            return self._judge(self._record(id, trials))
        except Interrupted as stopped:
            self._judge(stopped.case)
            raise KeyboardInterrupt from None

    def _record(self, id: str, trials: int) -> schema.Case:
        status, reason = self.engine.check(id)
        if status is Status.MEASURED:
            return self.engine.measure(id, trials)
        return schema.Case.blank(id, self.engine.definition(id), status.name.lower(), reason)

    def _judge(self, case: schema.Case) -> tuple[schema.Case, Judgement]:
        gate = cases.universe(*ROOTS).gate(case.id, self.name)
        judgement = judge(case, self.expected(case.id), gate)
        self.records[case.id] = case, judgement
        return case, judgement


MEASURED = pytest.StashKey[Measured]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the cases where their planes are."""
    if file_path == PLANES and parent.config.getoption("--sigprobe"):
        return CaseFile.from_parent(parent, path=file_path)
    return None


class CaseFile(pytest.File):
    """The cases that have an expectation on this platform."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one test a case."""
        measured = self.config.stash[MEASURED]
        for id in measured.ids:
            if measured.expected(id) != Expected():
                yield CaseItem.from_parent(self, name=id)


class CaseItem(pytest.Item):
    """A case; its outcome is its verdict."""

    def runtest(self) -> None:
        """Measure, and say the verdict in pytest's words."""
        measured = self.config.stash[MEASURED]
        say(*measured.measure(self.name, self.config.getoption("--sigprobe-trials")))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name the case as itself."""
        return self.path, None, self.name


def say(case: schema.Case, judgement: Judgement) -> None:
    """Raise what pytest takes for the verdict: nothing where all is well."""
    words = f"{judgement.verdict}: {judgement.reason}"
    if judgement.verdict == "unsupported":
        pytest.skip(judgement.reason)
    if judgement.verdict == "known":
        pytest.xfail(words)
    if judgement.stale_gate or fails(case, judgement):
        pytest.fail(words, pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Save what was measured, also after ^C."""
    config = session.config
    path = config.getoption("--sigprobe-results")
    if path and MEASURED in config.stash:
        schema.save(_results(config.stash[MEASURED]), path)


def _results(measured: Measured) -> schema.Results:
    return schema.Results(
        platform=measured.platform,
        run=campaign.run_of(measured.engine, measured.started, seed=1),
        cases=sorted((case for case, _ in measured.records.values()), key=lambda case: case.id),
    )


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdicts, and a row for each case that is not as expected."""
    if MEASURED not in config.stash:
        return
    measured = config.stash[MEASURED]
    write = terminalreporter
    write.section(f"sigprobe on {measured.platform.id}")
    counts = Counter(judgement.verdict for _, judgement in measured.records.values())
    write.write_line(", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))
    rows = [
        (id, short_text(Cell("measured", case)), judgement.verdict, judgement.reason)
        for id, (case, judgement) in measured.records.items()
        if judgement.verdict not in ("conforms", "unsupported")
    ]
    if rows:
        write.write_line(tabulate(rows, ("case", "outcome", "verdict", "reason")))
