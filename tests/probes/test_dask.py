# SPDX-License-Identifier: BSD-2-Clause
"""A campaign over a real Dask cluster, one of whose workers dies in the middle."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from probes.campaign import Campaign
from reports import schema
from sigprobe import ROOTS

distributed = pytest.importorskip("distributed", reason="pip install distributed")

IDS = [
    f"{call}/{signal}/{disposition}/open/pthread_kill/none/asleep"
    for call in ("read-pipe", "nanosleep")
    for signal in ("SIGCONT", "SIGUSR1")
    for disposition in ("ignore", "handler", "handler-restart")
]


class Killing(Campaign):
    """A campaign during which a worker is killed as soon as the first result is in."""

    victim: int | None = None

    def _add(self, case: schema.Case) -> None:
        super()._add(case)
        if self.victim is not None:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = None


def totals(results: schema.Results) -> dict[str, tuple[int, dict[str, int]]]:
    return {case.id: (case.trials, case.outcomes) for case in results.cases}


def test_a_killed_worker_costs_time_and_nothing_else(tmp_path: Path) -> None:
    serial = totals(Campaign(IDS, 2000, roots=ROOTS).run())
    with (
        distributed.LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        plan = Killing(IDS, 2000, roots=ROOTS)
        plan.victim = next(iter(client.run(os.getpid).values()))
        assert psutil.pid_exists(plan.victim)
        spread = totals(plan.run(client.get_executor()))
        assert plan.victim is None
    assert spread == serial
