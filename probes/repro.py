# SPDX-License-Identifier: BSD-2-Clause
"""One case as a straight-line C program that a kernel's maintainer can read in a minute.

Nothing of the engine is in it: it is a second, independent implementation of the same case, so that
engine and reproducer check each other. All C is in repro.toml; here is decided what of it a case
needs, and nothing else goes into its program.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Sequence
from string import Template
from typing import Any

from probes.cases import PROBES, Case, read_toml
from probes.sentence import sentence
from reports.schema import Fault

WIDTH = 100

HEADERS = "err errno fcntl pthread signal stdio string unistd"

SPARE = ("SIGVTALRM", "SIGPROF", "SIGXCPU")
FIXED = ("SIGKILL", "SIGSTOP")
STOPPING = ("SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU")
HARMLESS = ("SIGCONT", "SIGCHLD", "SIGURG", "SIGWINCH", "SIGINFO")

Part = dict[str, Any]
"""What repro.toml says of a call or a watcher."""


def program(case: Case) -> str:
    """Return the C source of a case's reproducer; the same case gives the same text.

    Fault when there is none: for calls and watchers of which repro.toml knows nothing.
    """
    call = _part("call", case.call)
    watcher = _part("watcher", case.watcher) if case.watcher != "none" else {}
    facts = _facts(case, call, watcher)
    return fill(_data()["program"], facts, _slots(case, call, watcher, facts))


def fill(program: str, facts: frozenset[str], slots: dict[str, str]) -> str:
    """Return a program's lines whose conditions hold, its slots filled.

    What stands left of a line's bar are its conditions, all of them to hold, "!" being not.
    """
    return _fill(_kept(program, facts), slots)


@functools.cache
def _data() -> dict[str, Any]:
    return read_toml(PROBES / "repro.toml")


def _part(kind: str, name: str) -> Part:
    """Return an entry, with what its object has before what it has itself."""
    if name not in _data()[kind]:
        raise Fault(f"the {kind} {name} has no reproducer: repro.toml says nothing of it")
    own: Part = _data()[kind][name]
    shared: Part = _data()["object"].get(own.get("object"), {})
    both = {key: _joined(shared[key], own[key]) for key in shared.keys() & own.keys()}
    return {**shared, **own, **both}


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str):
        return "\n".join((first.strip("\n"), second.strip("\n")))
    return first + second


def _facts(case: Case, call: Part, watcher: Part) -> frozenset[str]:
    """Return the conditions that hold for a case: the words in the margin of the program."""
    blocked = case.mask == "blocked"
    swaps, awaits, release = (bool(call.get(key)) for key in ("swaps", "awaits", "release"))
    handled = case.disposition.startswith("handler")
    reaches = swaps or not blocked
    takes = awaits and blocked
    taken = (handled and reaches) or takes
    forks = case.disposition == "default" and reaches and case.signal not in HARMLESS
    rescued = not release and not awaits
    facts = {
        "kqueue": case.call == "kevent" or case.watcher == "kqueue",
        "handled": handled,  # there is a handler, which counts its runs
        "taken": taken,  # somebody is to run the handler or to take the signal
        "takes": takes,  # the call itself takes the tested signal
        "bystander": taken,  # and then it matters which of two does
        "awaits": awaits,
        "swaps": swaps,
        "release": release,
        "simple": "\n" not in call.get("release", "").strip("\n"),
        "rescued": rescued,  # nothing but a signal ends the call
        "before": case.timing == "before",
        "sweep": case.timing == "sweep",
        "early": handled and case.timing != "asleep",  # the handler may run before the call
        "gated": case.timing != "asleep",  # the target waits before its call
        "raised": case.sender == "raise",
        "late": blocked or case.sender == "raise" or case.timing == "sweep",  # taken in the call
        "watched": bool(watcher),
        "piped": "quit" in watcher.get("end", ""),  # and a byte in a pipe ends the watch
        "opens": case.mask == "open",  # target and bystander alone may take the signal
        "all": case.mask == "open-all",
        "settable": case.signal not in FIXED,
        "forks": forks,  # the process may end or stop: a child has the trial
        "stops": forks and case.signal in STOPPING,
    }
    return frozenset(name for name, holds in facts.items() if holds)


def _kept(program: str, facts: frozenset[str]) -> list[str]:
    rows = (row.partition("|") for row in program.strip("\n").split("\n"))
    return [line for margin, _, line in rows if all(_holds(word, facts) for word in margin.split())]


def _holds(word: str, facts: frozenset[str]) -> bool:
    return word[1:] not in facts if word.startswith("!") else word in facts


def _slots(case: Case, call: Part, watcher: Part, facts: frozenset[str]) -> dict[str, str]:
    """Return what the slots of the program take; an empty slot's line vanishes."""
    sleepers = ("target", "bystander") if "bystander" in facts else ("target",)
    rescue, nudge = [name for name in SPARE if name != case.signal][:2]
    data = _data()
    words = sentence(case, call["what"])
    return {
        "id": str(case),
        "sentence": "\n".join(textwrap.wrap(words, WIDTH - 3)),
        "build": f" {call['build']}" if "build" in call else "",
        "includes": _includes(call, watcher, facts),
        "action": data["action"][case.disposition],
        "send": data["send"].get(case.sender, ""),
        "gate": data["gate"].get("raise" if "raised" in facts else case.timing, ""),
        "beforehand": _of(sleepers, call.get("beforehand", "")),
        "clean_up": _of(sleepers, call.get("clean_up", "")),
        "release": _of(sleepers[:1], call.get("release", "")),
        "nobody": " && ".join(f"!{sign}" for sign in _signs(facts)),
        "signal": case.signal.replace("+", " + "),
        "rescue": rescue,
        "nudge": nudge,
        "watch": watcher.get("watch", ""),
        "end": watcher.get("end", ""),
        **{slot: call.get(slot, "") for slot in ("fields", "functions", "set_up", "call")},
    }


def _of(sleepers: Sequence[str], code: str) -> str:
    """Return code over `s` as code over each of the sleepers."""
    return "\n".join(re.sub(r"\bs->", f"{name}.", code.strip("\n")) for name in sleepers)


def _signs(facts: frozenset[str]) -> list[str]:
    """Return what shows that somebody has taken the signal."""
    signs = ["target.returned"]
    signs += ["handled"] if "handled" in facts else []
    signs += ["bystander.returned"] if "takes" in facts else []
    signs += ["seen"] if "watched" in facts else []
    return signs


def _includes(call: Part, watcher: Part, facts: frozenset[str]) -> str:
    names = {f"{name}.h" for name in HEADERS.split()}
    names.update(call.get("headers", ()), watcher.get("headers", ()))
    names.update({"sys/wait.h"} if "forks" in facts else ())
    names.update({"stdlib.h", "time.h"} if "sweep" in facts else ())
    return "\n".join(f"#include <{name}>" for name in sorted(names))


def _fill(lines: list[str], slots: dict[str, str]) -> str:
    """Fill the slots; no two empty lines follow each other."""
    text = "\n".join(line for row in lines for line in _filled(row, slots))
    for _ in "ab":  # what goes into a slot may have slots
        text = Template(text).substitute(slots)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" +$", "", text, flags=re.M)) + "\n"


def _filled(row: str, slots: dict[str, str]) -> list[str]:
    """Return the lines that a row stands for: several where a slot stands alone in it."""
    alone = re.fullmatch(r"( *(?:\* )?)\$(\w+)", row)
    if not alone:
        return [row]
    margin, name = alone.groups()
    text = slots[name].strip("\n")
    return [line if line[:1] == "#" else margin + line for line in text.split("\n") if text]
