# SPDX-License-Identifier: BSD-2-Clause
"""A matrix as one self-contained HTML page: no network, dark and light, paper and phone.

The page holds the matrix twice: as a plain table with details in <noscript>, and as compact data of
which page.js lays out the rows that are looked at, with filters. So a browser never lays out
a hundred thousand cells, and one without scripts still shows them all. Phrases, details and
drawings are made here, once for both; page.js only puts them in place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

from attrs import Factory, define

from reports import details
from reports.details import text
from reports.expectations import PORT_AXES, PROBE_AXES, Expected
from reports.matrix import EMPTY, Cell, Column, Matrix, expectation_text, short_text
from reports.schema import Case, SweepStep, printable
from reports.tables import LEGEND, counts_text
from reports.verdicts import FAILING, VERDICTS

HERE = Path(__file__).parent
# A page with more measured cells than this is written shorter: without scripts a cell shows only
# its most frequent outcome and has no details, and long sweeps lose steps.
ROOMY = 10_000
STEPS_WHEN_CRAMPED = 16
# Without scripts so many cells that are not as expected are listed before the table.
FAILING_TOLD = 200
# So many questions, the first ones, show their answers at once.
UNFOLDED = 4


def page(matrix: Matrix) -> str:
    """Return the page; the same matrix gives the same bytes."""
    style = (HERE / "page.css").read_text("utf-8")
    script = (HERE / "page.js").read_text("utf-8")
    packer = _Packer(_is_roomy(matrix))
    parts = {
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "questions": "".join(_questions(matrix)),
        "platforms": "".join(_platforms(matrix)),
        "legend": text(LEGEND),
        "marks": ", ".join(_marks()),
        "data": _data(matrix, packer),
        "plain": "".join(_plain(matrix, packer)),
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


def _is_roomy(matrix: Matrix) -> bool:
    return sum(len(column.cells) for column in matrix.measured) <= ROOMY


def _kind(column: Column) -> str:
    return "measured" if column.measured else "predicted"


def _platforms(matrix: Matrix) -> Iterator[str]:
    for column in matrix.columns:
        told = counts_text(column) if column.measured else "predicted only"
        yield f"<tr><th scope=row class={_kind(column)}>{text(column.label)}"
        yield f"<td>{text(told)}<td>{details.about(column)}\n"


def _questions(matrix: Matrix) -> Iterator[str]:
    for place, (question, answers) in enumerate(matrix.answered()):
        name = text(question.name)
        state = "open" if place < UNFOLDED else ""
        yield f"<details class=question {state}>"
        yield f"<summary><h3>{name}: {text(question.text)}</h3></summary>"
        yield f"<button type=button hidden data-question='{name}'>Show its cases</button><dl>"
        alike: dict[tuple[str, str], list[str]] = {}
        for column, answer in answers:
            alike.setdefault((_kind(column), answer), []).append(text(column.label))
        for (kind, answer), labels in alike.items():
            shown = "".join(f"<dt>{label}" for label in labels)
            yield f"<div class={kind}>{shown}<dd>{text(answer)}</div>"
        yield "</dl></details>\n"


def _marks() -> Iterator[str]:
    meanings = {"known": "a known bug", "fixed": "a known bug that no longer shows"}
    for word, mark in details.MARKS.items():
        yield f"<b class={word}>{mark}</b> {meanings.get(word, word)}"


# ------------------------------------------------------------------ the data for page.js


class _Table:
    """Gives each distinct thing a number."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, make: Callable[[], Any]) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.items)
            self.items.append(make())
        return number

    def add(self, item: str) -> int:
        return self.number(item, lambda: item)


@define
class _Packer:
    """Turns cells into short lists of numbers of pieces; page.js puts the pieces together."""

    roomy: bool
    texts: _Table = Factory(_Table)
    verdicts: _Table = Factory(_Table)
    expected: _Table = Factory(_Table)
    reasons: _Table = Factory(_Table)
    measured: _Table = Factory(_Table)
    _counted: dict[Hashable, tuple[int, int]] = Factory(dict)

    def cell(self, cell: Cell, drawings: _Table) -> Any:
        """Return 0 for empty, n > 0 predicted, n < 0 unsupported, a list for measured.

        The drawings of a cell are like no other's and go to `drawings`, which are its column's.
        """
        if cell.kind == "empty":
            return 0
        if cell.kind == "predicted":
            return 1 + self._expected(cell.expected)
        if cell.kind == "unsupported" or cell.case is None:
            return -1 - self.reasons.number(cell.reason, lambda: details.unsupported(cell.reason))
        drawn = details.drawings(cell.case, self._steps(cell.case))
        return [
            *self._texts(cell, cell.case),
            self._verdict(cell.verdict, cell.reason),
            self._expected(cell.expected),
            *map(drawings.add, drawn),
        ]

    def _texts(self, cell: Cell, case: Case) -> tuple[int, int]:
        """Return the numbers of the short text and the long one; most cases count alike."""
        key = _counts(case)
        if key not in self._counted:
            short, long = short_text(cell), details.measured(case)
            self._counted[key] = (
                self.texts.add(short),
                self.measured.add(long),
            )
        return self._counted[key]

    def _verdict(self, verdict: str, reason: str) -> int:
        key = (verdict, reason)
        return self.verdicts.number(
            key, lambda: [VERDICTS.index(verdict), details.verdict(verdict, reason)]
        )

    def _expected(self, expected: Expected) -> int:
        key = (id(expected.outcome), id(expected.sighting))
        return self.expected.number(
            key, lambda: [expectation_text(expected), details.expectation(expected)]
        )

    def _steps(self, case: Case) -> list[SweepStep]:
        steps = case.sweep or []
        if self.roomy or len(steps) <= STEPS_WHEN_CRAMPED:
            return steps
        return steps[:: -(-len(steps) // STEPS_WHEN_CRAMPED)]


def _counts(case: Case) -> Hashable:
    """Return all that a case's texts are made from."""
    seen, runs = case.sightings, case.handler
    sightings = (seen.seen, seen.missed, seen.watcher_first, seen.target_first)
    handler = (runs.target, runs.bystander, runs.elsewhere)
    rest = (case.status, case.method, case.reached, case.late, case.kicks, case.note)
    return (tuple(case.outcomes.items()), *sightings, *handler, *rest)


def _data(matrix: Matrix, packer: _Packer) -> str:
    tree = {
        "columns": [_column(column, matrix.rows, packer) for column in matrix.columns],
        "rows": matrix.rows,
        "questions": [[q.name, list(q.patterns)] for q, _ in matrix.questions],
        "axes": [PROBE_AXES, PORT_AXES],
        "verdicts": [[word, details.MARKS.get(word, ""), word in FAILING] for word in VERDICTS],
        "nothing": details.NOTHING,
        "predicted": details.PREDICTED,
        "reproduce": details.reproduction(matrix.places),
        "texts": packer.texts.items,
        "judged": packer.verdicts.items,
        "expected": packer.expected.items,
        "reasons": packer.reasons.items,
        "measured": _squeezed(packer.measured.items),
    }
    words = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    # In a <script> only these can end it or open a comment; JSON takes the escapes anywhere.
    return words.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _column(column: Column, rows: list[str], packer: _Packer) -> list[Any]:
    drawings = _Table()
    cells = [packer.cell(column.cells.get(id, EMPTY), drawings) for id in rows]
    label = printable(column.label)
    return [label, column.measured, details.about(column), cells, _squeezed(drawings.items)]


def _squeezed(pieces: list[str]) -> str:
    """Return pieces of HTML as page.js unpacks them when somebody opens a cell."""
    data = json.dumps(pieces, ensure_ascii=False).encode()
    return base64.b64encode(zlib.compress(data)).decode()


# ------------------------------------------------------------------ without scripts


def _plain(matrix: Matrix, packer: _Packer) -> Iterator[str]:
    """Yield what a browser without scripts shows: what is not as expected, all cells, details."""
    yield "<h3>Not as expected</h3>"
    found = "".join(_failing(matrix))
    yield f"<dl class=failing>{found}</dl>" if found else "<p>Nothing.</p>"
    yield "<h3>All cases</h3><div class=scroll role=region aria-label='All cases' tabindex=0>"
    yield "<table class='cells plain'><thead><tr><th scope=col>case"
    for column in matrix.columns:
        yield f"<th scope=col class={_kind(column)}>{text(column.label)}"
    yield "<tbody>\n"
    for row, id in enumerate(matrix.rows):
        yield f"<tr><th scope=row><a href=#c{row}>{id}</a>" if packer.roomy else f"<tr><th>{id}"
        yield "".join(_plain_cell(cell, packer.roomy) for cell in matrix.cells(id))
        yield "\n"
    yield "</table></div><h3>Details</h3>"
    yield from _details(matrix, packer) if packer.roomy else (LEFT_OUT,)


LEFT_OUT = (
    "<p>This page has too many cells to show their details without scripts. A report of fewer "
    "files has them; so has <code>sigprobe evidence FILE CASE</code>, for one cell."
)


def _plain_cell(cell: Cell, roomy: bool) -> str:
    if cell.kind == "empty":
        return "<td>"
    words = short_text(cell) if roomy or cell.kind != "measured" else _first_words(cell)
    return f"<td class={cell.verdict}>{text(words)}"


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
        yield f"<dt>{id} on {text(column.label)}"
        yield f"<dd><strong>{cell.verdict}</strong>: {text(cell.reason)}\n"
    if len(found) > FAILING_TOLD:
        yield f"<dt>and {len(found) - FAILING_TOLD:,} more<dd>which the table shows.\n"


def _details(matrix: Matrix, packer: _Packer) -> Iterator[str]:
    """Yield a folded detail a case; platforms of which the same is to be said share it."""
    reproduce = details.reproduction(matrix.places)
    for row, id in enumerate(matrix.rows):
        told: dict[str, list[str]] = {}
        for column, cell in zip(matrix.columns, matrix.cells(id), strict=True):
            told.setdefault(_told(cell, packer), []).append(column.label)
        told.pop(details.NOTHING, None)
        yield f"<details id=c{row}><summary>{id}</summary><dl>"
        for detail, labels in told.items():
            yield "".join(f"<dt>{text(label)}" for label in labels)
            yield f"<dd>{detail}"
        yield f"</dl>{reproduce.replace('{case}', id)}</details>\n"
    yield "<h3>Expectations and their sources</h3>"
    for number, (_, detail) in enumerate(packer.expected.items):
        yield f"<div id=e{number}>{detail}</div>\n"


def _told(cell: Cell, packer: _Packer) -> str:
    """Return a cell's detail; its expectation is a link to where it stands with its sources."""
    drawings = _Table()
    packed = packer.cell(cell, drawings)
    if packed == 0:
        return details.NOTHING
    if isinstance(packed, int) and packed < 0:
        return str(packer.reasons.items[-1 - packed])
    number = packed - 1 if isinstance(packed, int) else packed[3]
    words = text(packer.expected.items[number][0])
    linked = f"<p>Expected: <a href=#e{number}>{words}</a></p>"
    if isinstance(packed, int):
        return details.PREDICTED + linked
    measured, verdict = packer.measured.items[packed[1]], packer.verdicts.items[packed[2]][1]
    return "".join([verdict, linked, measured, *drawings.items])
