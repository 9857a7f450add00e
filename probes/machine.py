# SPDX-License-Identifier: BSD-2-Clause
"""The platform's fingerprint: what kernel and C library this is.

No host name, user name or folder is in it: results are published.
"""

from __future__ import annotations

import platform
import re

import psutil

from probes.engine import Engine
from reports import schema

NAMES = {"SunOS": "illumos"}


def fingerprint(engine: Engine) -> schema.Platform:
    """Return this machine as a results file describes it."""
    seen = engine.machine()
    system = platform.uname()
    libc = str(seen["libc"])
    return schema.Platform(
        id=_id(system, seen),
        os=system.system,
        release=system.release,
        version=_anonymous(system.version, system.node),
        machine=system.machine,
        libc=libc,
        compiler=str(seen["compiler"]),
        cpus=int(seen["cpus"]) or psutil.cpu_count() or 1,
        emulation=str(seen["emulation"]) or None,
        tracer=str(seen["tracer"]) or None,
        threadstate=schema.ThreadState(reader=str(seen["reader"]), level=str(seen["level"])),
        kqueue=str(seen["kqueue"]) or None,
    )


def name(engine: Engine) -> str:
    """Return the word of cases.PLATFORMS under which gates and expectations know this machine."""
    seen = engine.machine()
    if seen["emulation"] == "gvisor":
        return "gvisor"
    if seen["kqueue"] == "libkqueue":
        return "libkqueue"
    system = platform.system()
    return NAMES.get(system, system.lower())


def _id(system: platform.uname_result, seen: dict[str, str | int]) -> str:
    libc = str(seen["libc"]).split("-")[0]
    release = _base(system.release)
    parts = "-".join(
        _plain(part) for part in (system.system.lower(), release, system.machine, libc)
    )
    emulation = [str(seen["emulation"])] if seen["emulation"] else []
    library = ["libkqueue"] if seen["kqueue"] == "libkqueue" else []
    tracer = ["traced"] if seen["tracer"] else []
    return "+".join((parts, *emulation, *library, *tracer))


def _base(release: str) -> str:
    """Return the part of a release that names a kernel's behaviour: "6.18" of "6.18.44-cloud"."""
    found = re.match(r"[0-9]+(\.[0-9]+)?", release)
    return found.group() if found else "unknown"


def _plain(part: str) -> str:
    return re.sub("[^A-Za-z0-9_.]", "_", part) or "unknown"


def _anonymous(version: str, host: str) -> str:
    """Drop what a BSD's version tells of who built it where ("root@host:/usr/obj/...")."""
    words = (word for word in version.split() if "@" not in word and not word.startswith("/"))
    return " ".join(word for word in words if not host or host not in word)
