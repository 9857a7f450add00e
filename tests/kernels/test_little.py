# SPDX-License-Identifier: BSD-2-Clause
"""The kit itself on machines with little: one processor, 64 MB, no shell, a read-only root."""

from pathlib import Path

import pytest

from kernels.measure import kits, measure
from kernels.table import KERNELS
from probes import kit
from reports.schema import load
from sigprobe import ROOTS

EXPECTED = {
    "read-fifo/SIGUSR1/handler/open/pthread_kill/none/asleep": {"interrupted": 2},
    "read-pipe/SIGCONT/ignore/open/pthread_kill/none/asleep": {"undisturbed": 2},
    "sem_wait/SIGUSR1/handler-restart/open/pthread_kill/none/asleep": {"restarted": 2},
}


# User Mode Linux has one processor and is given 64 MB; init.c makes both roots read-only.
@pytest.mark.parametrize("name", ["uml", "debian-6.1-1cpu"])
def test_the_kit_measures_where_there_is_little(name: str, tmp_path: Path) -> None:
    kernel = next(kernel for kernel in KERNELS if kernel.name == name)
    reason = kernel.gate()
    if reason:
        pytest.skip(reason)
    source = tmp_path / "sigprobe.c"
    source.write_text(kit.text(ROOTS), "utf-8")
    with kits(source) as built:
        (answer,) = measure(
            [kernel], built, ["run", *EXPECTED], 300, tmp_path, lambda _: None, trials=2
        )
    assert answer.state == "measured", answer.remark
    found = load(tmp_path / f"{name}.json")
    assert found.platform.cpus == 1
    assert {case.id: case.outcomes for case in found.cases} == EXPECTED
