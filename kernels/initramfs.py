# SPDX-License-Identifier: BSD-2-Clause
"""Writes the file system of a kernel booted for one run: c/init.c, the kit, a command line.

The format is cpio's "newc" (kernel: Documentation/driver-api/early-userspace/buffer-format.rst).
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

from kernels.build import build
from kernels.kernel import Order

_INIT = Path(__file__).parent / "c" / "init.c"
_FOLDERS = ("dev", "proc", "sys", "tmp")


@frozen
class Entry:
    """One name in an archive; `device` is a device node's major and minor."""

    name: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the entries as one uncompressed newc archive; times, owners and links are zero."""
    whole = bytearray()
    for number, entry in enumerate([*entries, Entry("TRAILER!!!", 0)], start=1):
        name = entry.name.encode() + b"\0"
        size = len(entry.content)
        # inode, mode, uid, gid, links, mtime, size, device of the file (2), of the node (2), name
        fields = (number, entry.mode, 0, 0, 1, 0, size, 0, 0, *entry.device, len(name), 0)
        for part in (
            b"070701" + b"".join(b"%08X" % field for field in fields) + name,
            entry.content,
        ):
            whole += part
            whole += b"\0" * (-len(whole) % 4)
    return bytes(whole)


def write(order: Order, device: str) -> Path:
    """Write the archive for an order, whose results go to a serial device; return its path."""
    init = build(_INIT, "x86_64-linux-musl", order.scratch / "init", ["-std=c11", "-D_GNU_SOURCE"])
    path = order.scratch / "initramfs"
    path.write_bytes(archive(_entries(order, device, init)))
    return path


def _entries(order: Order, device: str, init: Path) -> Iterator[Entry]:
    for folder in _FOLDERS:
        yield Entry(folder, stat.S_IFDIR | 0o755)
    # The kernel opens this one for init's standard output before anything is mounted.
    yield Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    yield Entry("init", stat.S_IFREG | 0o755, init.read_bytes())
    yield Entry("sigprobe", stat.S_IFREG | 0o755, order.kit.read_bytes())
    lines = (device, str(order.seconds), "/sigprobe", *order.arguments)
    yield Entry("init.conf", stat.S_IFREG | 0o644, "".join(f"{x}\n" for x in lines).encode())
