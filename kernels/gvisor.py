# SPDX-License-Identifier: BSD-2-Clause
"""gVisor: a kernel in user space, started by its `runsc do` on this machine's files."""

from kernels import cage
from kernels.build import ZIG
from kernels.cage import Ended
from kernels.kernel import Kernel, Order
from kernels.needs import Program


def _start(order: Order) -> Ended:
    flags = ("--rootless", "--network=none", "--ignore-cgroups", f"--root={order.scratch}/state")
    # A signal sent to runsc does not always reach the program: the limit has to be inside.
    kit = (*cage.limited(order.seconds), str(order.kit), *order.arguments)
    runsc = ("runsc", *flags, "do", *kit)
    return cage.run(runsc, cage.outer(order.seconds), env=order.environment())


KERNELS = (
    Kernel(
        name="gvisor",
        what="gVisor, Debian's runsc",
        start=_start,
        needs=(ZIG, Program("runsc", "runsc")),
        suffix="+gvisor",
        emulation="gvisor",
        trials=50,
    ),
)
