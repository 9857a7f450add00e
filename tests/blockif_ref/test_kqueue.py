# SPDX-License-Identifier: BSD-2-Clause
"""Stock bhyve's kick where there is a kqueue: the system's own, or libkqueue (by pkg-config)."""

import pytest

from blockif_ref import door
from probes import cases, machine
from probes.engine import Engine, Status
from reports.expectations import load_expectations

ENGINE = Engine.load(*door.ROOTS)
IDS = cases.universe(*door.ROOTS).select(["blockif/evfilt-signal/*"])


@pytest.mark.skipif(not ENGINE.machine()["kqueue"], reason="no kqueue here")
@pytest.mark.parametrize("id", IDS)
def test_evfilt_signal_does_what_its_platform_says(id: str) -> None:
    status, reason = ENGINE.check(id)
    if status is not Status.MEASURED:
        pytest.skip(reason)
    expected = load_expectations(machine.name(ENGINE)).expect(id).outcome
    assert expected is not None, "nobody has said what to expect"
    assert set(ENGINE.measure(id, 5).outcomes) <= set(expected.outcomes)
