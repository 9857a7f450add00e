# SPDX-License-Identifier: BSD-2-Clause
"""What people ask, and the answer that results give: a phrase with its bound.

The questions are in questions.toml; each names the cases and the aspect of their records that
answer it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, define, field, frozen

from probes import cases
from reports import schema


@frozen
class Question:
    """A question: `yes` are the words of `aspect` that mean yes."""

    name: str
    short: str
    text: str
    sources: tuple[str, ...]
    cases: tuple[str, ...]
    aspect: str
    yes: tuple[str, ...]

    def asks(self, id: str) -> bool:
        """Return whether a case helps to answer it."""
        return schema.matches(id, self.cases)


ORDER = ("yes", "sometimes", "no", "no answer", "no verdict", "error", "not here")
CROWD = 8  # more cases than that are not named one by one where others can be

# Aspect -> what it counts in a record.
ASPECTS: dict[str, Callable[[schema.Case], Mapping[str, int]]] = {
    "outcomes": lambda case: case.outcomes,
    "sightings": lambda case: {"seen": case.sightings.seen, "missed": case.sightings.missed},
    "order": lambda case: {
        "watcher-first": case.sightings.watcher_first,
        "target-first": case.sightings.target_first,
    },
    "handler": lambda case: asdict(case.handler),
}


@functools.cache
def load(*roots: Path) -> tuple[Question, ...]:
    """Return the questions of some roots (of probes alone where none is named)."""
    files = (root / "questions.toml" for root in roots or (cases.PROBES,))
    entries = (cases.read_toml(file)["question"] for file in files if file.exists())
    return tuple(_question(entry) for listed in entries for entry in listed)


def _question(entry: Mapping[str, Any]) -> Question:
    def line(key: str) -> str:
        return " ".join(entry[key].split())

    return Question(
        name=line("name"),
        short=line("short"),
        text=line("text"),
        sources=tuple(entry["sources"]),
        cases=tuple(entry["cases"]),
        aspect=line("aspect"),
        yes=tuple(entry["yes"]),
    )


@define
class _Group:
    """Cases that give the same answer in the same words."""

    answer: str
    detail: str = ""
    labels: list[str] = field(factory=list)
    counts: Counter[str] = field(factory=Counter)


def answer(question: Question, results: schema.Results) -> str | None:
    """Return what the results say, in one line; None when they hold none of its cases."""
    records = [case for case in results.cases if question.asks(case.id)]
    if not records:
        return None
    labels = _labels([case.id for case in records])
    groups: dict[tuple[str, str, frozenset[str]], _Group] = {}
    for case, label in zip(records, labels, strict=True):
        found = _judge(question, case)
        group = groups.setdefault((found.answer, found.detail, frozenset(found.counts)), found)
        group.labels.append(label)
        group.counts.update(found.counts if group is not found else {})
    ordered = sorted(groups.values(), key=lambda group: ORDER.index(group.answer))
    return "; ".join(_phrase(group, whose) for group, whose in _names(ordered))


def _names(groups: Sequence[_Group]) -> Iterator[tuple[_Group, str]]:
    """Yield each group with words for its cases; a crowd among what was measured is counted."""
    if len(groups) == 1:
        several = len(groups[0].labels) > 1
        yield groups[0], f" for all {len(groups[0].labels)} cases" if several else ""
        return
    measured = [group for group in groups if group.counts] or groups
    crowd = max(measured, key=lambda group: len(group.labels))
    crowded = len(crowd.labels) > CROWD
    for group in measured:
        if not (crowded and group is crowd):
            yield group, f" for {', '.join(group.labels)}"
    if crowded:
        rest = "the other" if len(measured) > 1 else "all"
        yield crowd, f" for {rest} {len(crowd.labels)}"
    for group in groups:
        if group not in measured:
            yield group, f" for {', '.join(group.labels)}"


def _judge(question: Question, case: schema.Case) -> _Group:
    if case.status != "measured":
        return _Group("not here" if case.status == "unsupported" else "error", case.reason or "")
    if case.traced:
        return _Group("no verdict", "a tracer was attached")
    counts = Counter({word: n for word, n in ASPECTS[question.aspect](case).items() if n})
    total = counts.total()
    yes = sum(counts[word] for word in question.yes)
    if not total:
        return _Group("no answer", "it never came to that")
    if 0 < yes < total:
        return _Group("sometimes", counts=counts)
    return _Group("yes" if yes else "no", counts=counts)


def _phrase(group: _Group, whose: str) -> str:
    return f"{group.answer}{whose}: {group.detail or _shares(group.counts)}"


def _shares(counts: Counter[str]) -> str:
    """Say how often each word was counted, or how rare anything else must be."""
    total = counts.total()
    if len(counts) == 1:
        # n trials without an event bound its rate below 3/n at 95 %.
        return f"{next(iter(counts))} (0 of {total:,} otherwise; < {_percent(3 / total, 2)})"
    shares = (f"{word} {_percent(n / total)}" for word, n in counts.most_common())
    return f"{', '.join(shares)} of {total:,}"


def _percent(share: float, digits: int = 3) -> str:
    return f"{100 * min(share, 1):.{digits}g} %"


def _labels(ids: Sequence[str]) -> Iterable[str]:
    """Name each case by the parts in which they differ."""
    rows = [id.split("/") for id in ids]
    varied = [n for n, column in enumerate(zip(*rows, strict=False)) if len(set(column)) > 1]
    return ["/".join(row[n] for n in varied) for row in rows]
