# SPDX-License-Identifier: BSD-2-Clause
"""One case of the reference port as a straight-line C program; all C is in repro.toml.

A request is one byte that a socket's other end sends when it is told to, a worker sleeps in recv
for it, and a canceller kicks: the port's protocol without the port.
"""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path
from typing import Any

from probes.cases import PortCase, read_toml
from probes.repro import HEADERS, WIDTH, fill
from probes.sentence import sentence
from reports.schema import Fault


def program(case: PortCase) -> str:
    """Return the C source; the same case gives the same text. Fault where there is none."""
    why = lacking(case)
    if why:
        raise Fault(f"{case}: no straight-line program: {why}")
    kick = _data()["kick"][case.kick]
    facts = frozenset((*kick["facts"], *_data()["scenario"][case.scenario]))
    names = (*HEADERS.split(), "sys/socket")
    headers = {*(f"{name}.h" for name in names), *kick.get("headers", ())}
    slots = {
        "id": str(case),
        "sentence": "\n".join(textwrap.wrap(sentence(case), WIDTH - 3)),
        "signal": kick.get("signal", ""),
        "includes": "\n".join(f"#include <{name}>" for name in sorted(headers)),
    }
    return fill(_data()["program"], facts, slots)


def lacking(case: PortCase) -> str | None:
    """Return why a case has no program, or nothing if it has one."""
    without = _data()["without"]
    for axis, word in (("backend", case.backend), ("scenario", case.scenario), ("kick", case.kick)):
        why: str | None = without[axis].get(word)
        if why:
            return why
    known = case.kick in _data()["kick"] and case.scenario in _data()["scenario"]
    return None if known else "nobody has written one for its kick"


@functools.cache
def _data() -> dict[str, Any]:
    return read_toml(Path(__file__).with_name("repro.toml"))
