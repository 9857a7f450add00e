# SPDX-License-Identifier: BSD-2-Clause
"""What the kit is cross-built for: the names that `zig cc -target` has for kernels and libraries.

Found out with ziglang 0.17.1. It has no C library for DragonFly and illumos, so nothing can be
built for them on another system.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Target:
    """One of zig's targets; `why` tells what is particular about it."""

    zig: str
    why: str = ""


TARGETS = (
    Target("x86_64-linux-gnu"),
    Target("x86_64-linux-gnu.2.28", "an old C library"),
    Target("aarch64-linux-gnu"),
    Target("riscv64-linux-gnu"),
    Target("s390x-linux-gnu", "big-endian"),
    Target("x86_64-linux-musl", "static"),
    Target("aarch64-linux-musl", "static"),
    Target("riscv64-linux-musl", "static"),
    Target("s390x-linux-musl", "static, big-endian"),
    Target("x86_64-freebsd.14.0", "the oldest that zig's startup code links for"),
    Target("x86_64-freebsd.15.0"),
    Target("aarch64-freebsd.14.0"),
    Target("x86_64-netbsd.11.0", "zig's default, 10.1, lacks what its headers name kevent"),
    Target("aarch64-netbsd.11.0"),
    Target("x86_64-openbsd", "needs ziglang 0.16 or newer"),
    Target("aarch64-openbsd"),
    Target("x86_64-macos"),
    Target("aarch64-macos"),
)
