# SPDX-License-Identifier: BSD-2-Clause
"""The kernels that can be reached from this machine, in the order in which they are measured."""

from kernels import gvisor, linux, qemu_system, qemu_user, uml

KERNELS = (
    *linux.KERNELS,
    *gvisor.KERNELS,
    *uml.KERNELS,
    *qemu_system.KERNELS,
    *qemu_user.KERNELS,
)
