# SPDX-License-Identifier: BSD-2-Clause
"""What each platform's documentation or source allows, as data: one TOML file a platform.

A file has `title`, `about`, perhaps `inherits` (a platform whose entries hold where this one says
nothing), `[sets]` of names, and `[[expect]]` entries. An entry names the cases it is about by lists
of globs, one list an axis: `"@set"` stands for a set's names (sets.toml has those that all files
may use) and a leading `!` takes away; an axis left out means all; `also` names more cases by the
axes in which they differ. It then says which `outcomes` are allowed, or whether the watcher sees
the signal (`sightings`: seen, missed or either), or both; from where that is known (`source`,
`confidence`: R read in source, O observed, D documentation, I inferred); for which kernels (`since`
the first release, `until` the first one no more); and, where the platform is known to fall short,
the `bug` with its `address` and the `outcomes` it shows.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import translate
from pathlib import Path
from typing import Any

from attrs import Factory, define, evolve, field, frozen

from reports.schema import OUTCOMES, Fault, Platform

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent
PLATFORMS = (
    "posix",
    "linux",
    "musl",
    "freebsd",
    "darwin",
    "openbsd",
    "netbsd",
    "dragonfly",
    "illumos",
    "gvisor",
    "libkqueue",
)
PROBE_AXES = ("call", "signal", "disposition", "mask", "sender", "watcher", "timing")
PORT_AXES = ("kick", "operation", "backend", "scenario")
SIGHTINGS = ("seen", "missed", "either")
CONFIDENCES = {"R": "read in source", "O": "observed", "D": "documented", "I": "inferred"}

Release = tuple[int, ...]


@frozen
class Bug:
    """A known shortfall: where it is filed, and what it makes of the outcome."""

    address: str
    outcomes: frozenset[str]


@frozen(eq=False)
class Entry:
    """One entry of a file; a case is meant if any of `forms` (axis -> globs) takes it."""

    platform: str
    number: int
    forms: tuple[Mapping[str, tuple[str, ...]], ...]
    outcomes: frozenset[str]
    sightings: str | None
    source: str
    confidence: str
    note: str | None
    since: Release | None
    until: Release | None
    bug: Bug | None

    @property
    def name(self) -> str:
        """Return how messages call it: file and number, from 1."""
        return f"{self.platform}.toml entry {self.number}"

    def holds(self, release: Release | None) -> bool:
        """Whether it is about that release; an unknown one is taken for the newest."""
        if release is None:
            return self.until is None
        return (self.since or release) <= release and (self.until is None or release < self.until)


@frozen
class Expected:
    """What a platform is expected to do in a case; either half may be unsaid."""

    outcome: Entry | None = None
    sighting: Entry | None = None

    @property
    def outcomes(self) -> frozenset[str]:
        """The allowed outcomes; empty when nothing is said."""
        return self.outcome.outcomes if self.outcome else frozenset()


@define(eq=False)
class Expectations:
    """A platform's entries, and those it inherits."""

    platform: str
    title: str
    about: str
    sets: Mapping[str, list[str]]
    entries: tuple[Entry, ...]
    parent: Expectations | None = None
    _cache: dict[tuple[str, Release | None], Expected] = field(factory=dict, init=False)
    _indices: dict[int, _Index] = field(factory=dict, init=False)

    def expect(self, case_id: str, release: Release | None = None) -> Expected:
        """Return what is expected of a case; its own entries go before inherited ones."""
        key = (case_id, release)
        if key not in self._cache:
            self._cache[key] = self._expect(case_id, release)
        return self._cache[key]

    def _expect(self, case_id: str, release: Release | None) -> Expected:
        inherited = self.parent.expect(case_id, release) if self.parent else Expected()
        mine = [entry for entry in self.about_case(case_id) if entry.holds(release)]
        outcome = next((entry for entry in mine if entry.outcomes), inherited.outcome)
        sighting = next((entry for entry in mine if entry.sightings), inherited.sighting)
        return Expected(outcome, sighting)

    def about_case(self, case_id: str) -> list[Entry]:
        """Return its own entries about a case, of whatever release."""
        values = case_values(case_id)
        if len(values) not in self._indices:
            axes = PROBE_AXES if len(values) == len(PROBE_AXES) else PORT_AXES
            self._indices[len(values)] = _Index(axes, self.entries)
        return self._indices[len(values)].find(values)


def case_values(case_id: str) -> list[str]:
    """Return the values of a case's axes: seven, or four for the reference port."""
    values = case_id.split("/")
    return values[1:] if values[0] == "blockif" else values


class _Index:
    """Finds the entries about a case: for each axis value a bit set of entries, then their and."""

    def __init__(self, axes: tuple[str, ...], entries: Iterable[Entry]) -> None:
        self.axes = axes
        self.forms = [
            (entry, form) for entry in entries for form in entry.forms if form.keys() <= set(axes)
        ]
        self.bits: dict[tuple[int, str], int] = {}

    def find(self, values: list[str]) -> list[Entry]:
        found = ~0
        for place in enumerate(values):
            if place not in self.bits:
                self.bits[place] = self._accepting(*place)
            found &= self.bits[place]
            if not found:
                return []
        forms = (entry for i, (entry, _) in enumerate(self.forms) if found >> i & 1)
        return list(dict.fromkeys(forms))

    def _accepting(self, axis: int, value: str) -> int:
        name = self.axes[axis]
        accepted = (accepts(form.get(name, ()), value) for _, form in self.forms)
        return sum(1 << i for i, yes in enumerate(accepted) if yes)


def accepts(globs: tuple[str, ...], value: str) -> bool:
    """Whether a list of globs, some perhaps taken away by `!`, takes an axis value."""
    wanted, unwanted = _compiled(globs)
    return bool(wanted.match(value)) and not (unwanted and unwanted.match(value))


@functools.cache
def _compiled(globs: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    wanted = [translate(glob) for glob in globs if not glob.startswith("!")]
    unwanted = [translate(glob[1:]) for glob in globs if glob.startswith("!")]
    either = re.compile("|".join(wanted or [translate("*")]))
    return either, re.compile("|".join(unwanted)) if unwanted else None


def platform_name(platform: Platform) -> str | None:
    """Return whose expectations hold for a measured platform; None where there are none."""
    if platform.emulation == "gvisor":
        return "gvisor"
    if platform.kqueue == "libkqueue":
        return "libkqueue"
    if _has_musl(platform):
        return "musl"
    name = {"sunos": "illumos"}.get(platform.os.lower(), platform.os.lower())
    return name if name in PLATFORMS else None


def _has_musl(platform: Platform) -> bool:
    return platform.os.lower() == "linux" and platform.libc.startswith("musl")


def release_of(text: str) -> Release | None:
    """Return the numbers that a release begins with: "12.1-RELEASE" is (12, 1)."""
    found = re.match(r"\d{1,9}(?:\.\d{1,9})*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else None


def expectations_for(platform: Platform) -> Expectations | None:
    """Return the expectations for a measured platform, if there are any.

    A look-alike of Linux with musl is judged by what musl does before what the look-alike does.
    """
    name = platform_name(platform)
    if name and name != "musl" and _has_musl(platform):
        return _above("musl", name)
    return load_expectations(name) if name else None


@functools.cache
def _above(upper: str, lower: str) -> Expectations:
    return evolve(load_expectations(upper), parent=load_expectations(lower))


@functools.cache
def load_expectations(name: str, folder: Path = FOLDER) -> Expectations:
    """Read a platform's file and those it inherits from; raises Fault naming file and entry."""
    path = folder / f"{name}.toml"
    try:
        file = _File(**_read(path))
        parent = load_expectations(file.inherits, folder) if file.inherits else None
        sets = {**(parent.sets if parent else _read(FOLDER / "sets.toml")), **file.sets}
        entries = tuple(_entry(name, i, sets, raw) for i, raw in enumerate(file.expect, 1))
    except OSError as error:
        raise Fault(f"no expectations for {name!r}: {error.strerror}") from None
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise Fault(f"{path.name}: {error}") from None
    return Expectations(name, file.title, file.about, sets, entries, parent)


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


@frozen
class _File:
    title: str
    about: str
    inherits: str | None = None
    sets: dict[str, list[str]] = Factory(dict)
    expect: list[dict[str, Any]] = Factory(list)


def _entry(platform: str, number: int, sets: Mapping[str, list[str]], raw: Any) -> Entry:
    try:
        return _checked_entry(platform, number, sets, dict(raw))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"entry {number}: {error}") from None


def _checked_entry(
    platform: str, number: int, sets: Mapping[str, list[str]], raw: dict[str, Any]
) -> Entry:
    axes = _pop_axes(raw, sets)
    also = _pop_axes(raw.pop("also", {}), sets)
    forms = (axes, {**axes, **also}) if also else (axes,)
    for form in forms:
        _need(bool(form), "names no cases")
        _need(form.keys() <= set(PROBE_AXES) or form.keys() <= set(PORT_AXES), "mixes case forms")
    bug = raw.pop("bug", None)
    entry = Entry(
        platform=platform,
        number=number,
        forms=forms,
        outcomes=_outcomes(raw.pop("outcomes", [])),
        sightings=raw.pop("sightings", None),
        source=str(raw.pop("source", "")),
        confidence=str(raw.pop("confidence", "")),
        note=raw.pop("note", None),
        since=_bound(raw.pop("since", None)),
        until=_bound(raw.pop("until", None)),
        bug=Bug(str(bug["address"]), _outcomes(bug["outcomes"])) if bug else None,
    )
    _need(not raw, f"unknown key {', '.join(raw)}")
    _need(entry.sightings in (None, *SIGHTINGS), f"sightings {entry.sightings!r} is unknown")
    _need(bool(entry.outcomes or entry.sightings), "says nothing")
    _need(entry.confidence in CONFIDENCES, f"confidence {entry.confidence!r} is unknown")
    return entry


def _pop_axes(raw: dict[str, Any], sets: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    axes = (*PROBE_AXES, *PORT_AXES)
    return {axis: tuple(_put_in(raw.pop(axis), sets)) for axis in axes if axis in raw}


def _put_in(globs: list[str], sets: Mapping[str, list[str]]) -> Iterator[str]:
    for glob in globs:
        sign, name = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
        if name.startswith("@"):
            _need(name[1:] in sets, f"no set is called {name}")
            yield from (_signed(sign, member) for member in _put_in(sets[name[1:]], sets))
        else:
            yield glob


def _signed(sign: str, glob: str) -> str:
    _need(not (sign and glob.startswith("!")), f"{glob} is taken away twice")
    return sign + glob


def _outcomes(words: list[str]) -> frozenset[str]:
    unknown = set(words) - set(OUTCOMES)
    _need(not unknown, f"unknown outcome {', '.join(sorted(unknown))}")
    return frozenset(words)


def _bound(text: str | None) -> Release | None:
    release = None if text is None else release_of(text)
    _need(text is None or release is not None, f"{text!r} is no release")
    return release


def _need(holds: bool, words: str) -> None:
    if not holds:
        raise ValueError(words)
