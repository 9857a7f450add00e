# SPDX-License-Identifier: BSD-2-Clause
"""A kernel that shows less of its threads than Linux does gives the same answers.

Planted here is what macOS shows: a bare run state, and nothing of what is pending.
"""

from __future__ import annotations

import shutil
import sys

import pytest

from probes import build, cases
from probes.engine import Engine, Status

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the planted reader reads Linux's /proc"
)

TRIALS = 20
MANY = 1000
HIDDEN = ('"syscall"', '"status"')

# The handler of a signal that the signalfd takes never runs, and nothing shows that it has gone.
TAKEN = "read-pipe/SIGUSR1/handler/open/kill/signalfd/asleep"


@pytest.fixture(scope="module")
def shown_less(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    root = tmp_path_factory.mktemp("less") / "probes"
    shutil.copytree(cases.PROBES / "c", root / "c")
    reader = root / "c" / "threadstate" / "linux.c"
    text = reader.read_text("utf-8")
    for file in HIDDEN:
        assert text.count(file) == 1
        text = text.replace(file, '"hidden"')
    reader.write_text(text, "utf-8")
    engine = Engine(build.library((root,)))
    assert engine.machine()["level"] == "state"
    return engine


def chosen() -> list[str]:
    """Return the default cases of some calls whose answer is one and the same in every trial."""
    calls = ("read-pipe/", "poll/", "nanosleep/", "sigwait/")
    found = (id for id in cases.universe().default if id.startswith(calls))
    return [id for id in found if not id.endswith("/sweep") and "/kill/" not in id]


@pytest.mark.parametrize("case", chosen())
def test_the_answer_is_the_same(shown_less: Engine, case: str) -> None:
    status, reason = shown_less.check(case)
    if status is not Status.MEASURED:
        pytest.skip(reason)
    here, there = Engine.load().measure(case, TRIALS), shown_less.measure(case, TRIALS)
    assert (there.outcomes, there.method) == (here.outcomes, "observed")


def test_a_signal_that_the_watcher_takes_is_not_waited_for(shown_less: Engine) -> None:
    record = shown_less.measure(TAKEN, MANY)
    assert sum(record.outcomes.values()) == MANY
    assert not {"hung", "ambiguous"} & set(record.outcomes)
    assert record.sightings.seen > 0
