# SPDX-License-Identifier: BSD-2-Clause
"""User Mode Linux: a Linux kernel as a program of this one, with nothing but the kit in memory."""

import os
from pathlib import Path

from kernels import cage, frames, initramfs
from kernels.build import CC, ZIG, build
from kernels.cage import Ended
from kernels.kernel import Kernel, Order
from kernels.needs import Program

_BOOT_SECONDS = 60
_REGISTERS = Path(__file__).parent / "c" / "uml_registers.c"


def _start(order: Order) -> Ended:
    memory = initramfs.write(order, "/dev/ttyS0")
    shim = build(_REGISTERS, None, order.scratch / "registers.so", ["-shared", "-fPIC"])
    # Without these it keeps its memory in /dev/shm, as a file that it removes at once.
    env = {key: value for key, value in os.environ.items() if key not in ("TMPDIR", "TMP", "TEMP")}
    env["LD_PRELOAD"] = str(shim)
    with (order.scratch / "line").open("w+b") as line:
        uml = cage.run(
            [
                *("linux.uml", "mem=64M", f"initrd={memory}", f"uml_dir={order.scratch}"),
                *(
                    "con=null",
                    "con0=null,fd:2",
                    f"ssl0=null,fd:{line.fileno()}",
                    "quiet",
                    "panic=-1",
                ),
            ],
            _BOOT_SECONDS + cage.outer(order.seconds),
            env=env,
            inherit=[line.fileno()],
        )
        line.seek(0)
        return frames.read(line.read(), uml.stdout + uml.stderr)


KERNELS = (
    Kernel(
        name="uml",
        what="User Mode Linux, Debian's user-mode-linux",
        start=_start,
        needs=(ZIG, CC, Program("linux.uml", "user-mode-linux")),
        suffix="+uml",
        emulation="uml",
        trials=10,
    ),
)
