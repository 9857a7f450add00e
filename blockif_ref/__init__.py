# SPDX-License-Identifier: BSD-2-Clause
"""The reference port: a block layer whose requests can be cancelled.

import blockif_ref

with blockif_ref.open("disk.img") as disk:
    page = bytearray(4096)
    disk.read(page, offset=0).wait()
"""

from blockif_ref.disk import Delete, Disk, Flush, Read, Request, StalledDisk, Write, open, stalled

__all__ = [
    "Delete",
    "Disk",
    "Flush",
    "Read",
    "Request",
    "StalledDisk",
    "Write",
    "open",
    "stalled",
]
