# SPDX-License-Identifier: BSD-2-Clause
"""Debian's own kernels, booted on QEMU's emulated PC with nothing but the kit in memory.

The first serial line carries the kernel's messages, the second one the results.
"""

from functools import partial

from kernels import cage, frames, initramfs
from kernels.build import ZIG
from kernels.cage import Ended
from kernels.kernel import Kernel, Order
from kernels.needs import Image, Program

_MEMORY_MB = 256
_BOOT_SECONDS = 60
# Name, package, processors, suffix of the platform id, trials.
_MACHINES = (
    ("debian-6.1", "linux-image-cloud-amd64", 2, "", 100),
    ("debian-6.1-1cpu", "linux-image-cloud-amd64", 1, "+1cpu", 100),
    ("debian-6.12", "linux-image-6.12-cloud-amd64", 2, "", 100),
    ("debian-6.12-rt", "linux-image-6.12-rt-amd64", 2, "+rt", 10),
)


def _start(image: Image, cpus: int, order: Order) -> Ended:
    memory = initramfs.write(order, "/dev/ttyS1")
    console, line = order.scratch / "console", order.scratch / "line"
    qemu = cage.run(
        [
            *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", str(cpus)),
            *("-m", str(_MEMORY_MB), "-nodefaults", "-no-user-config", "-display", "none"),
            *("-kernel", image.path, "-initrd", memory, "-no-reboot"),
            *("-append", "console=ttyS0 quiet panic=-1"),
            *("-serial", f"file:{console}", "-serial", f"file:{line}"),
        ],
        _BOOT_SECONDS + cage.outer(order.seconds),
    )
    said = console.read_bytes() if console.exists() else b""
    return frames.read(line.read_bytes() if line.exists() else b"", said + qemu.stderr)


def _kernel(name: str, package: str, cpus: int, suffix: str, trials: int) -> Kernel:
    image = Image(package)
    return Kernel(
        name=name,
        what=f"Debian's {package} on QEMU, processors: {cpus}",
        start=partial(_start, image, cpus),
        needs=(ZIG, Program("qemu-system-x86_64", "qemu-system-x86"), image),
        suffix=f"{suffix}+qemu-system",
        emulation="qemu-system",
        trials=trials,
    )


KERNELS = tuple(_kernel(*machine) for machine in _MACHINES)
