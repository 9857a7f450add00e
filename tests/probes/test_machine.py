# SPDX-License-Identifier: BSD-2-Clause
"""The fingerprint: what it groups by, and that it tells nothing about people and places."""

import os
import platform
from typing import Any

import pytest

from probes import cases, machine
from probes.engine import Engine
from sigprobe import ROOTS

PLAIN: dict[str, Any] = {
    "reader": "linux-proc",
    "level": "call",
    "libc": "glibc-2.36",
    "compiler": "gcc-12",
    "emulation": "",
    "tracer": "",
    "kqueue": "",
    "cpu": "x86_64",
    "cpus": 2,
}


class Told:
    """An engine that says what it was told."""

    def __init__(self, **seen: Any) -> None:
        self.seen = {**PLAIN, **seen}

    def machine(self) -> dict[str, Any]:
        return self.seen


def on(monkeypatch: pytest.MonkeyPatch, system: str, release: str, version: str = "") -> None:
    told = platform.uname()._replace(system=system, node="build7", release=release, version=version)
    monkeypatch.setattr(platform, "uname", lambda: told)
    monkeypatch.setattr(platform, "system", lambda: system)


@pytest.mark.parametrize(
    ("system", "release", "seen", "id", "name"),
    [
        ("Linux", "6.18.44-cloud", {}, "linux-6.18-{}-glibc", "linux"),
        ("Linux", "6.1", {"libc": "musl"}, "linux-6.1-{}-musl", "linux"),
        ("Linux", "4.4.0", {"emulation": "gvisor"}, "linux-4.4-{}-glibc+gvisor", "gvisor"),
        ("Linux", "6.1.0", {"emulation": "uml"}, "linux-6.1-{}-glibc+uml", "linux"),
        ("Linux", "6.1", {"kqueue": "libkqueue"}, "linux-6.1-{}-glibc+libkqueue", "libkqueue"),
        ("Linux", "6.1", {"tracer": "strace"}, "linux-6.1-{}-glibc+traced", "linux"),
        ("FreeBSD", "14.1-RELEASE", {"libc": "libc"}, "freebsd-14.1-{}-libc", "freebsd"),
        ("Darwin", "23.5.0", {"libc": "libsystem"}, "darwin-23.5-{}-libsystem", "darwin"),
        ("SunOS", "5.11", {"libc": "libc"}, "sunos-5.11-{}-libc", "illumos"),
    ],
)
def test_platforms_are_grouped(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    release: str,
    seen: dict[str, Any],
    id: str,
    name: str,
) -> None:
    on(monkeypatch, system, release)
    engine: Any = Told(**seen)
    assert machine.fingerprint(engine).id == id.format(platform.uname().machine)
    assert machine.name(engine) == name
    assert name in cases.PLATFORMS


def test_who_built_the_kernel_where_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    version = "FreeBSD 12.1 r354233 GENERIC root@build7:/usr/obj/usr/src/amd64/GENERIC"
    on(monkeypatch, "FreeBSD", "12.1-RELEASE", version)
    engine: Any = Told()
    assert machine.fingerprint(engine).version == "FreeBSD 12.1 r354233 GENERIC"


def test_this_machine_has_a_name_and_no_secrets() -> None:
    engine = Engine.load(*ROOTS)
    assert machine.name(engine) in cases.PLATFORMS
    assert os.uname().nodename not in repr(machine.fingerprint(engine))
