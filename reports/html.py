# SPDX-License-Identifier: BSD-2-Clause
"""A matrix as one self-contained HTML page: no network, dark and light, paper and phone.

The page holds the matrix twice: as a plain table in <noscript>, and as compact data that page.js
turns into a table of the rows that are looked at, with filters and a detail for each cell. So
a browser never lays out a hundred thousand cells, and one without scripts still shows them all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Hashable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from reports.evidence import source_text
from reports.expectations import PORT_AXES, PROBE_AXES, Entry, Expected
from reports.matrix import Cell, Column, Matrix, expectation_text, full_text, ordered, short_text
from reports.schema import METHODS, OUTCOMES, Case, Latency, SweepStep, printable
from reports.tables import LEGEND, counts_text
from reports.verdicts import VERDICTS

HERE = Path(__file__).parent
# A page with more measured cells than this is written shorter: without scripts a cell shows only
# its most frequent outcome, and long sweeps lose steps.
ROOMY = 20_000
STEPS_WHEN_CRAMPED = 16
# Without scripts so many cells that are not as expected are told at length.
FAILING_TOLD = 200


_NUMBER = {name: number for number, name in enumerate(OUTCOMES)}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def page(matrix: Matrix) -> str:
    """Return the page; the same matrix gives the same bytes."""
    style = (HERE / "page.css").read_text("utf-8")
    script = (HERE / "page.js").read_text("utf-8")
    parts = {
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "summary": "".join(_summary(matrix)),
        "questions": "".join(_questions(matrix)),
        "legend": _text(LEGEND),
        "plain": "".join(_plain(matrix)),
        "data": _data(matrix),
    }
    template = (HERE / "page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found.group(1)], template)


def _policy(style: str, script: str) -> str:
    """Allow this style and this script, and nothing else at all."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _summary(matrix: Matrix) -> Iterator[str]:
    for column in matrix.columns:
        told = counts_text(column) if column.measured else "predicted only"
        yield f"<tr><th scope=row>{_text(column.label)}<td>{_text(told)}\n"


def _questions(matrix: Matrix) -> Iterator[str]:
    for question, answers in matrix.answered():
        name = _text(question.name)
        yield f"<section class=question><h3>{name}: {_text(question.text)}</h3>"
        yield f"<button type=button hidden data-question='{name}'>Show its cases</button><dl>"
        for column, answer in answers:
            kind = "measured" if column.measured else "predicted"
            yield f"<div class={kind}><dt>{_text(column.label)}<dd>{_text(answer)}</div>"
        yield "</dl></section>\n"


def _plain(matrix: Matrix) -> Iterator[str]:
    """Yield what a browser without scripts shows: what is not as expected, then all cells."""
    roomy = _is_roomy(matrix)
    yield "<h2>Not as expected</h2>"
    found = "".join(_failing(matrix))
    yield f"<dl class=failing>{found}</dl>" if found else "<p>Nothing.</p>"
    yield "<h2>All cases</h2><div class=scroll role=region aria-label='All cases' tabindex=0>"
    yield "<table class='cells plain'><thead><tr><th scope=col>case"
    for column in matrix.columns:
        yield f"<th scope=col class={_kind(column)}>{_text(column.label)}"
    yield "<tbody>\n"
    for id in matrix.rows:
        yield f"<tr><th scope=row>{id}"
        yield "".join(_plain_cell(cell, roomy) for cell in matrix.cells(id))
        yield "\n"
    yield "</table></div>"


def _kind(column: Column) -> str:
    return "measured" if column.measured else "predicted"


def _is_roomy(matrix: Matrix) -> bool:
    return sum(len(column.cells) for column in matrix.measured) <= ROOMY


def _plain_cell(cell: Cell, roomy: bool) -> str:
    if cell.kind == "empty":
        return "<td>"
    text = short_text(cell) if roomy or cell.kind != "measured" else _first_words(cell)
    return f"<td class={cell.verdict}>{escape(text)}"


def _first_words(cell: Cell) -> str:
    """Return the most frequent outcome, and dots if there are others."""
    outcomes = cell.case.outcomes if cell.case else {}
    if not outcomes:
        return "no trials"
    first = max(outcomes, key=lambda name: (outcomes[name], name))
    return f"{first}…" if len(outcomes) > 1 else first


def _failing(matrix: Matrix) -> Iterator[str]:
    found = [
        (id, column, column.cells[id])
        for id in matrix.rows
        for column in matrix.measured
        if id in column.cells and column.cells[id].failing
    ]
    for id, column, cell in found[:FAILING_TOLD]:
        told = full_text(cell.case) if cell.case else []
        lines = "".join(f"<br>{_text(line)}" for line in (*told, *_sources(cell.expected)))
        yield f"<dt>{id} on {_text(column.label)}"
        yield f"<dd><strong>{cell.verdict}</strong>: {_text(cell.reason)}{lines}\n"
    if len(found) > FAILING_TOLD:
        yield f"<dt>and {len(found) - FAILING_TOLD:,} more<dd>which the table shows.\n"


def _sources(expected: Expected) -> Iterator[str]:
    if expected.outcome:
        outcomes = " or ".join(ordered(expected.outcomes))
        yield f"expected: {outcomes}; {source_text(expected.outcome)}"
    if expected.sighting:
        yield f"expected: {expected.sighting.sightings}; {source_text(expected.sighting)}"


# ------------------------------------------------------------------ the data for page.js


class _Table:
    """Gives each distinct thing a number."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, item: Any) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.items)
            self.items.append(item)
        return self._numbers[key]


class _Packer:
    """Turns cells into short lists; page.js knows the same order of fields."""

    def __init__(self, matrix: Matrix) -> None:
        self.roomy = _is_roomy(matrix)
        self.verdicts = _Table()
        self.expected = _Table()
        self.entries = _Table()
        self.reasons = _Table()

    def cell(self, cell: Cell) -> Any:
        """Return 0 for empty, n > 0 predicted, n < 0 unsupported, a list for measured."""
        if cell.kind == "empty":
            return 0
        if cell.kind == "predicted":
            return 1 + self._expected(cell.expected)
        if cell.kind == "unsupported" or cell.case is None:
            return -1 - self.reasons.number(cell.reason, printable(cell.reason))
        return self._measured(cell, cell.case)

    def _measured(self, cell: Cell, case: Case) -> list[Any]:
        seen = case.sightings
        runs = case.handler
        verdict = (cell.verdict, cell.reason)
        packed = [
            self.verdicts.number(verdict, [VERDICTS.index(cell.verdict), printable(cell.reason)]),
            self._expected(cell.expected),
            _flat(case.outcomes),
            _trimmed([seen.seen, seen.missed, seen.watcher_first, seen.target_first]),
            _latency(case.latency_ns),
            0 if case.reached == case.trials else [case.reached],
            _trimmed([runs.target, runs.bystander, runs.elsewhere]),
            METHODS.index(case.method),
            [[step.offset_ns, *_flat(step.outcomes)] for step in self._sweep(case.sweep or [])],
            printable(case.note or ""),
        ]
        while not packed[-1]:
            packed.pop()
        return packed

    def _expected(self, expected: Expected) -> int:
        outcome, sighting = self._entry(expected.outcome), self._entry(expected.sighting)
        return self.expected.number(
            (outcome, sighting), [expectation_text(expected), outcome, sighting]
        )

    def _entry(self, entry: Entry | None) -> int:
        if entry is None:
            return -1
        bug = entry.bug.address if entry.bug else ""
        return self.entries.number(id(entry), [source_text(entry), bug])

    def _sweep(self, steps: list[SweepStep]) -> list[SweepStep]:
        if self.roomy or len(steps) <= STEPS_WHEN_CRAMPED:
            return steps
        stride = -(-len(steps) // STEPS_WHEN_CRAMPED)
        return steps[::stride]


def _flat(outcomes: dict[str, int]) -> list[int]:
    """Return [outcome's number, trials, …], in the fixed order of outcomes."""
    if len(outcomes) == 1:
        [(name, count)] = outcomes.items()
        return [_NUMBER[name], count]
    return [x for name in ordered(outcomes) for x in (_NUMBER[name], outcomes[name])]


def _trimmed(numbers: list[int]) -> list[int]:
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def _latency(latency: Latency) -> list[Any]:
    """Return median, 99 %, longest (ns), and the histogram's shape.

    The shape is the exponent of its lowest power of two, then one digit of base 36 an octave, the
    highest bar being z: a picture needs no more.
    """
    if not latency.buckets:
        return []
    counts = [0] * 64
    for low, count in latency.buckets:
        counts[low.bit_length()] += count
    first = latency.buckets[0][0].bit_length()
    last = latency.buckets[-1][0].bit_length()
    most = max(counts)
    digits = "".join(_DIGITS[-(-35 * count // most)] for count in counts[first : last + 1])
    return [latency.p50, latency.p99, latency.max, max(first - 1, 0), digits]


def _data(matrix: Matrix) -> str:
    packer = _Packer(matrix)
    cells = [
        [packer.cell(column.cells[id]) if id in column.cells else 0 for id in matrix.rows]
        for column in matrix.columns
    ]
    tree = {
        "outcomes": OUTCOMES,
        "verdicts": VERDICTS,
        "methods": METHODS,
        "axes": [PROBE_AXES, PORT_AXES],
        "rows": matrix.rows,
        "columns": [_column(column) for column in matrix.columns],
        "questions": [[q.name, list(q.patterns)] for q, _ in matrix.questions],
        "cells": cells,
        "reasons": packer.reasons.items,
        "judged": packer.verdicts.items,
        "expected": packer.expected.items,
        "entries": packer.entries.items,
    }
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    # In a <script> only these can end it or open a comment; JSON takes the escapes anywhere.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _column(column: Column) -> list[Any]:
    about: list[str] = []
    if column.platform:
        platform = column.platform
        about = [
            f"{platform.os} {platform.release} {platform.version}".strip(),
            f"{platform.machine}, {platform.cpus} processors, {platform.libc}, {platform.compiler}",
        ]
        if platform.threadstate:
            about.append(f"thread state read by {platform.threadstate.reader}")
    elif column.expectations:
        about = [f"Predicted, not measured. {column.expectations.about}"]
    return [printable(column.label), int(column.measured), [printable(line) for line in about]]
