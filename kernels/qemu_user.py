# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's user emulation: this machine's Linux under another processor's instructions."""

from functools import partial

from kernels import cage
from kernels.build import ZIG
from kernels.cage import Ended
from kernels.kernel import Kernel, Order
from kernels.needs import Program

_MACHINES = ("aarch64", "riscv64", "s390x")


def _start(machine: str, order: Order) -> Ended:
    qemu = (f"qemu-{machine}-static", str(order.kit), *order.arguments)
    return cage.run(qemu, order.seconds, env=order.environment())


KERNELS = tuple(
    Kernel(
        name=f"qemu-user-{machine}",
        what=f"QEMU's user emulation of {machine}",
        start=partial(_start, machine),
        needs=(ZIG, Program(f"qemu-{machine}-static", "qemu-user-static")),
        target=f"{machine}-linux-musl",
        suffix="+qemu-user",
        emulation="qemu-user",
        trials=100,
    )
    for machine in _MACHINES
)
