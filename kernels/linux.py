# SPDX-License-Identifier: BSD-2-Clause
"""The Linux of this machine, with the C library of its cc and with musl."""

from kernels import cage
from kernels.build import CC, ZIG
from kernels.cage import Ended
from kernels.kernel import Kernel, Order


def _start(order: Order) -> Ended:
    kit = (str(order.kit), *order.arguments)
    return cage.run(kit, order.seconds, env=order.environment())


KERNELS = (
    Kernel(name="linux", what="this machine, its own cc", start=_start, needs=(CC,), target=None),
    Kernel(name="linux-musl", what="this machine, static musl", start=_start, needs=(ZIG,)),
)
