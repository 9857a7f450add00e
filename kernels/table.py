# SPDX-License-Identifier: BSD-2-Clause
"""The kernels that can be reached from this machine, in the order in which they are measured.

The fast ones come first: what they leave of the time goes to the slow ones, the last may take all.
"""

from kernels import gvisor, linux, qemu_system, qemu_user, uml

KERNELS = (
    *linux.KERNELS,
    *qemu_user.KERNELS,
    *qemu_system.KERNELS,
    *gvisor.KERNELS,
    *uml.KERNELS,
)
