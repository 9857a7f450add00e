# SPDX-License-Identifier: BSD-2-Clause
"""Reads what c/init.c wrote to a serial line: framed, because a line may drop or change bytes.

sigprobe-frame NAME LENGTH CRC32      then base64 lines, then
sigprobe-end NAME
sigprobe-exit STATUS [overran]        128 + N: signal N
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from kernels.cage import Ended
from reports.schema import Fault

_FRAME = re.compile(
    rb"^sigprobe-frame (?P<name>\w+) (?P<length>\d{1,12}) (?P<crc>[0-9a-f]{8})\n"
    rb"(?P<text>[A-Za-z0-9+/=\n]*?)^sigprobe-end (?P=name)$",
    re.MULTILINE,
)
_EXIT = re.compile(rb"^sigprobe-exit (?P<status>\d{1,3})(?P<overran> overran)?$", re.MULTILINE)
_FAIL = re.compile(rb"^sigprobe-fail (?P<reason>.*)$", re.MULTILINE)


def read(line: bytes, console: bytes) -> Ended:
    """Return how the kit ended in the booted kernel; Fault (3) when the line does not tell.

    `console` is what the kernel itself said; its last line goes into the Fault.
    """
    line = line.replace(b"\r", b"")
    failed = _FAIL.search(line) or _FAIL.search(console)
    if failed:
        raise Fault(f"the init could not go on: {failed['reason'].decode(errors='replace')}", 3)
    frames = {frame["name"]: _content(frame) for frame in _FRAME.finditer(line)}
    ended = _EXIT.search(line)
    if not ended or frames.keys() != {b"stdout", b"stderr"}:
        whole = "incomplete or damaged answer" if line.strip() else "no answer"
        raise Fault(f"{whole}; the kernel's last words: {_last_words(console)}", 3)
    return Ended(frames[b"stdout"], frames[b"stderr"], int(ended["status"]), bool(ended["overran"]))


def _content(frame: re.Match[bytes]) -> bytes:
    try:
        content = base64.b64decode(frame["text"].replace(b"\n", b""), validate=True)
    except binascii.Error:
        content = b""
    if (len(content), zlib.crc32(content)) != (int(frame["length"]), int(frame["crc"], 16)):
        raise Fault(f"{frame['name'].decode()} was damaged on the serial line", 3)
    return content


def _last_words(console: bytes) -> str:
    lines = [line.strip() for line in console.decode(errors="replace").split("\n") if line.strip()]
    panics = [line for line in lines if "Kernel panic" in line]
    return (panics or lines or ["none"])[-1]
