# SPDX-License-Identifier: BSD-2-Clause
"""Case ids: their axes, which exist, which a pattern selects, which a platform cannot run.

Nothing here needs a compiler. The data is in planes.toml (which cases there are) and gates.toml
(why a platform cannot run some); the names of calls, watchers and kicks are those of the C files.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from reports.schema import Fault, matches

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PLATFORMS = (
    "linux",
    "freebsd",
    "darwin",
    "openbsd",
    "netbsd",
    "dragonfly",
    "illumos",
    "gvisor",
    "libkqueue",
)

DISPOSITIONS = ("default", "ignore", "handler", "handler-restart")
MASKS = ("open", "open-all", "blocked")
SENDERS = ("pthread_kill", "kill", "sigqueue", "pthread_sigqueue", "raise")
TIMINGS = ("asleep", "before", "sweep")
# fmt: off
SIGNALS = (
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGKILL", "SIGSTOP", "SIGTSTP", "SIGTTIN",
    "SIGTTOU", "SIGCONT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGPIPE",
    "SIGCHLD", "SIGURG", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGSYS", "SIGTRAP", "SIGIO",
    "SIGINFO", "SIGPWR", "SIGEMT", "SIGTHR", "SIGRTMIN",
)
# fmt: on

PROBES = Path(__file__).parent
_GLOB = frozenset("*?[")


class Case(NamedTuple):
    """One point of call, signal, disposition, mask, sender, watcher and timing."""

    call: str
    signal: str
    disposition: str
    mask: str
    sender: str
    watcher: str
    timing: str

    def __str__(self) -> str:
        """Return the id."""
        return "/".join(self)


class PortCase(NamedTuple):
    """One case of the reference port."""

    kick: str
    operation: str
    backend: str
    scenario: str

    def __str__(self) -> str:
        """Return the id."""
        return "/".join(("blockif", *self))


class Plane(NamedTuple):
    """A product of value lists, in the order of `form`'s axes."""

    name: str
    why: str
    default: bool
    form: type[Case] | type[PortCase]
    values: tuple[tuple[str, ...], ...]

    def cases(self) -> Iterator[str]:
        """Yield the ids, the last axis fastest."""
        return (str(self.form(*point)) for point in itertools.product(*self.values))


class Gate(NamedTuple):
    """Why the cases that match cannot be run on these platforms."""

    platforms: tuple[str, ...]
    patterns: tuple[str, ...]
    reason: str


def read_toml(path: Path) -> dict[str, Any]:
    """Return a data file's content; Fault when it is not TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Fault(f"{path.name}: {error}") from error


def possible(case: Case | PortCase) -> str | None:
    """Return why no platform can run a well-formed case, or None."""
    if isinstance(case, PortCase):
        return None
    if case.sender == "raise" and case.timing != "before":
        return "a sleeping thread cannot raise a signal: raise goes with timing before"
    if case.signal in ("SIGKILL", "SIGSTOP"):
        if case.disposition != "default":
            return f"{case.signal} has no other disposition than default (sigaction(2))"
        if case.mask == "blocked":
            return f"{case.signal} cannot be blocked (sigprocmask(2))"
    return None


class Universe:
    """The cases that exist under some roots, folders with c/, planes.toml and gates.toml.

    `ids` holds them in order; `default` those that a plain run takes.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        """Read the planes and gates of the roots; Fault names a broken file."""
        self.words = _words(roots)
        self.planes = [self._plane(entry) for entry in _entries(roots, "plane")]
        for plane in self.planes:
            for axis, values in zip(plane.form._fields, plane.values, strict=True):
                self.words[axis] = _union(self.words[axis], values)
        self.gates = [
            Gate(tuple(entry["platforms"]), tuple(entry["patterns"]), entry["reason"])
            for entry in _entries(roots, "gate")
        ]
        self.ids = _union(*(plane.cases() for plane in self.planes))
        self.default = _union(*(plane.cases() for plane in self.planes if plane.default))

    def _plane(self, entry: Mapping[str, Any]) -> Plane:
        form = PortCase if "kicks" in entry else Case
        values = (self._values(axis, entry[axis + "s"]) for axis in form._fields)
        default = entry.get("default", False)
        return Plane(entry["name"], entry["why"], default, form, tuple(values))

    def _values(self, axis: str, listed: Sequence[str]) -> tuple[str, ...]:
        return self.words[axis] if listed == ["*"] else tuple(listed)

    def parse(self, id: str) -> Case | PortCase:
        """Take an id apart; Fault names the part that is wrong and the words nearest to it."""
        parts = id.split("/")
        port = parts[0] == "blockif"
        form = PortCase if port else Case
        values = parts[1:] if port else parts
        if len(values) != len(form._fields):
            raise Fault(f"{id!r} is not a case id, which reads {_shape(form)}")
        for axis, value in zip(form._fields, values, strict=True):
            if not self._known(axis, value):
                raise Fault(f"no {axis} is called {value!r}{_nearest(value, self.words[axis])}")
        return form(*values)

    def case(self, id: str) -> Case | PortCase:
        """Take apart an id that some platform can run; Fault otherwise."""
        case = self.parse(id)
        reason = possible(case)
        if reason:
            raise Fault(f"{id}: {reason}")
        return case

    def _known(self, axis: str, value: str) -> bool:
        realtime = axis == "signal" and re.fullmatch(r"SIGRTMIN\+[1-9][0-9]?", value)
        return bool(realtime) or value in self.words[axis]

    def select(self, patterns: Iterable[str], every: Sequence[str] | None = None) -> list[str]:
        """Return the ids that match any pattern, in order (of `every`, else of all cases).

        An exact id need not be in a plane. Fault when a pattern selects nothing.
        """
        pool = self.ids if every is None else every
        chosen: set[str] = set()
        beyond: list[str] = []
        for pattern in patterns:
            found = _matching(pattern, pool)
            if not found:
                beyond.append(self._exact(pattern))
            chosen.update(found)
        return [id for id in pool if id in chosen] + list(_union(beyond))

    def _exact(self, pattern: str) -> str:
        if not _GLOB & set(pattern):
            if "/" not in pattern:
                hint = self._hint(pattern) or f"; do you mean '{pattern}/*'?"
                raise Fault(f"no case is called {pattern!r}{hint}")
            return str(self.case(pattern))
        raise Fault(f"no case matches {pattern!r}{self._hint(pattern)}")

    def _hint(self, pattern: str) -> str:
        """Name the first part of a pattern that stands for nothing, and the words nearest to it."""
        words = _union(("blockif",), *self.words.values())
        for part in pattern.split("/"):
            if not _matching(part, words):
                plain = re.sub(r"[*?]|\[[^]]*\]", "", part)
                return f": nothing is called {part!r}{_nearest(plain, words)}"
        return ""

    def gate(self, id: str, platform: str) -> str | None:
        """Return why a platform of PLATFORMS cannot run a case, or None."""
        for gate in self.gates:
            if platform in gate.platforms and matches(id, gate.patterns):
                return gate.reason
        return None


@functools.cache
def universe(*roots: Path) -> Universe:
    """Return the universe of some roots (of probes alone where none is named)."""
    return Universe(roots or (PROBES,))


def check_platform(name: str) -> str:
    """Return a platform's name; Fault names the nearest when there is none."""
    name = {"macos": "darwin"}.get(name.lower(), name)
    if name not in PLATFORMS:
        raise Fault(f"no platform is called {name!r}{_nearest(name, PLATFORMS)}")
    return name


def _words(roots: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    """Return axis -> the words known without a plane."""
    return {
        "call": _files(roots, "calls"),
        "signal": SIGNALS,
        "disposition": DISPOSITIONS,
        "mask": MASKS,
        "sender": SENDERS,
        "watcher": ("none", *_files(roots, "watchers")),
        "timing": TIMINGS,
        "kick": _files(roots, "kicks"),
        "operation": (),
        "backend": (),
        "scenario": (),
    }


def _files(roots: Sequence[Path], folder: str) -> tuple[str, ...]:
    return tuple(sorted(file.stem for root in roots for file in (root / "c" / folder).glob("*.c")))


def _entries(roots: Sequence[Path], kind: str) -> list[dict[str, Any]]:
    files = (root / f"{kind}s.toml" for root in roots)
    return [entry for file in files if file.exists() for entry in read_toml(file)[kind]]


def _matching(pattern: str, words: Sequence[str]) -> list[str]:
    if not _GLOB & set(pattern):
        return [pattern] if pattern in words else []
    return [word for word in words if fnmatchcase(word, pattern)]


def _union(*lists: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(itertools.chain(*lists)))


def _shape(form: type[Case] | type[PortCase]) -> str:
    axes = "/".join(axis.upper() for axis in form._fields)
    return axes if form is Case else f"blockif/{axes}"


def _nearest(word: str, words: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(words), 3, 0.5)
    return f"; nearest: {', '.join(close)}" if close else ""
