# SPDX-License-Identifier: BSD-2-Clause
"""A matrix as text: one renderer a format behind `render`.

Whatever a results file holds is shown as plain text: each renderer escapes what its format would
take for markup.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from reports.kicks import pivot
from reports.matrix import EMPTY, Cell, Column, Matrix, expectation_text, full_text, short_text
from reports.schema import Fault, printable
from reports.verdicts import VERDICTS

# GitHub cuts a job summary off at 1 MiB.
SUMMARY_MAX = 1_000_000
LEGEND = (
    '"> 99.7 %": no other outcome was seen, which puts the share above that at 95 %. '
    "~ settled: concluded after a waiting time; without it: observed. (in brackets): predicted "
    "from source or documentation, not measured. – cannot be run there."
)


def render(matrix: Matrix, format: str) -> str:
    """Return the report in a format of FORMATS; raises Fault for another."""
    if format not in FORMATS:
        raise Fault(f"no format is called {format!r}; there are {', '.join(FORMATS)}")
    return FORMATS[format](matrix)


def _table(matrix: Matrix) -> str:
    """Return text for a terminal: measured platforms only, with reasons where it is but one."""
    from tabulate import tabulate

    columns = matrix.measured
    if len(columns) == 1:
        head = ["case", "outcome", "verdict", "why"]
        cells = {id: x for id, x in columns[0].cells.items() if x.kind != "unsupported"}
        rows = [[id, short_text(cells[id]), cells[id].verdict, _why(cells[id])] for id in cells]
    else:
        head = ["case", *(column.label for column in columns)]
        rows = [[id, *(_cell_text(c.cells.get(id, EMPTY)) for c in columns)] for id in matrix.rows]
    table = tabulate(rows, headers=head, disable_numparse=True)
    counts = [_count_line(column) for column in columns]
    kicks = [text for column in columns for text in _kick_lines(column)]
    gates = _gate_lines(columns[0]) if len(columns) == 1 else []
    lines = [*_question_lines(matrix), *kicks, table, "", *gates, LEGEND, "", *counts]
    return "\n".join(printable(line) for text in lines for line in text.split("\n")) + "\n"


def _kick_lines(column: Column) -> Iterator[str]:
    from tabulate import tabulate

    head, rows = pivot({id: cell.case for id, cell in column.cells.items() if cell.case})
    if rows:
        yield f"The reference port on {column.label}: what became of a cancel"
        yield tabulate(rows, headers=head, disable_numparse=True)
        yield ""


def _gate_lines(column: Column) -> Iterator[str]:
    """Say once a reason what cannot be run, instead of once a case."""
    reasons = Counter(x.reason for x in column.cells.values() if x.kind == "unsupported")
    if reasons:
        yield "Cannot be run here:"
        yield from (f"    {count} cases: {reason}" for reason, count in reasons.most_common())
        yield ""


def _why(cell: Cell) -> str:
    return "" if cell.verdict == "conforms" and cell.reason.endswith("as expected") else cell.reason


def _question_lines(matrix: Matrix) -> Iterator[str]:
    several = len(matrix.measured) > 1
    for question, answers in matrix.answered():
        told = [(column.label, text) for column, text in answers if column.measured]
        if told:
            yield f"{question.name}: {question.text}"
            yield from (
                f"    {label}: {text}" if several else f"    {text}" for label, text in told
            )
            yield ""


def _heading(column: Column) -> str:
    return column.label if column.measured else f"({column.label}: predicted)"


def _cell_text(cell: Cell) -> str:
    text = short_text(cell)
    return f"{text} [{cell.verdict}]" if cell.kind == "measured" else text


def _count_line(column: Column) -> str:
    return f"{column.label}: {counts_text(column)}"


def counts_text(column: Column) -> str:
    """Return how often each verdict was given: "299 conforms, 2 deviates"."""
    counts = _counts(column)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    return told or "nothing measured"


def _counts(column: Column) -> Counter[str]:
    return Counter(cell.verdict for cell in column.cells.values())


def _markdown(matrix: Matrix) -> str:
    return "\n".join([*_markdown_head(matrix), *_markdown_table(matrix, matrix.rows)]) + "\n"


def _markdown_head(matrix: Matrix) -> Iterator[str]:
    yield "# sigprobe"
    yield ""
    for column in matrix.measured:
        yield f"- {markdown_text(_count_line(column))}"
    yield ""
    for question, answers in matrix.answered():
        yield f"**{markdown_text(question.name)}: {markdown_text(question.text)}**"
        yield ""
        for column, text in answers:
            yield f"- {markdown_text(column.label)}: {markdown_text(text)}"
        yield ""


def _markdown_table(matrix: Matrix, rows: list[str]) -> Iterator[str]:
    yield "| case | " + " | ".join(markdown_text(_heading(c)) for c in matrix.columns) + " |"
    yield "| --- |" + " --- |" * len(matrix.columns)
    for id in rows:
        cells = " | ".join(_markdown_cell(cell) for cell in matrix.cells(id))
        yield f"| `{id}` | {cells} |"
    yield ""
    yield markdown_text(LEGEND)


def _markdown_cell(cell: Cell) -> str:
    text = markdown_text(short_text(cell))
    if cell.kind == "predicted":
        return f"<i>{text}</i>"
    if cell.kind != "measured":
        return text
    verdict = f"**{cell.verdict}**" if cell.failing else cell.verdict
    return f"{text} {verdict}"


def markdown_text(text: str) -> str:
    """Return the text so that Markdown and HTML show it as it is."""
    return re.sub(r"[\\`*\[\]<>|~&@#$!]", lambda found: f"&#{ord(found.group())};", printable(text))


def _github(matrix: Matrix) -> str:
    """Return a job summary: what needs eyes first, the whole table folded and if it fits."""
    failing = [id for id in matrix.rows if any(cell.failing for cell in matrix.cells(id))]
    parts = [*_markdown_head(matrix)]
    if failing:
        parts += ["## Not as expected", "", *_reasons(matrix, failing), ""]
    head = "\n".join(parts)
    table = "\n".join(_markdown_table(matrix, matrix.rows))
    whole = f"{head}\n<details><summary>All cases</summary>\n\n{table}\n\n</details>\n"
    if len(whole.encode()) <= SUMMARY_MAX:
        return whole
    note = "\nThe table of all cases does not fit into a job summary.\n"
    if len((head + note).encode()) > SUMMARY_MAX:
        note = "\nThere is more, but it does not fit into a job summary; nor does the table.\n"
    while len((head + note).encode()) > SUMMARY_MAX:
        head = head[: len(head) * 9 // 10].rpartition("\n")[0]
    return head + note


def _reasons(matrix: Matrix, rows: list[str]) -> Iterator[str]:
    for id in rows:
        for column in matrix.measured:
            cell = column.cells.get(id)
            if cell and cell.failing:
                where = f"`{id}` on {markdown_text(column.label)}"
                yield f"- **{cell.verdict}** {where}: {markdown_text(cell.reason)}"


def _csv(matrix: Matrix) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("case", "platform", "kind", "outcomes", "verdict", "trials", "reached", "method", "reason")
    )
    for id in matrix.rows:
        for column, cell in zip(matrix.columns, matrix.cells(id), strict=True):
            if cell.kind != "empty":
                writer.writerow(_inert(value) for value in _csv_row(id, column, cell))
    return out.getvalue()


def _csv_row(id: str, column: Column, cell: Cell) -> tuple[str | int, ...]:
    case = cell.case
    text = expectation_text(cell.expected) if cell.kind == "predicted" else ""
    told = "; ".join(full_text(case)) if case else text
    numbers = (case.trials, case.reached, case.method) if case else ("", "", "")
    return (id, column.label, cell.kind, told, cell.verdict, *numbers, cell.reason)


def _inert(value: str | int) -> str | int:
    """Keep a spreadsheet from taking text for a formula."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    # Some take the wide forms of these signs for the signs, and look behind leading spaces.
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if first in ("=", "+", "-", "@") else text


def _json(matrix: Matrix) -> str:
    tree = {
        "questions": [
            {
                "name": question.name,
                "text": question.text,
                "patterns": list(question.patterns),
                "answers": {c.label: a for c, a in zip(matrix.columns, answers, strict=True) if a},
            }
            for question, answers in matrix.questions
        ],
        "platforms": [_json_column(column) for column in matrix.columns],
        "cases": [_json_row(matrix, id) for id in matrix.rows],
    }
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def _json_column(column: Column) -> dict[str, Any]:
    return {
        "id": column.label,
        "measured": column.measured,
        "verdicts": dict(sorted(_counts(column).items())),
    }


def _json_row(matrix: Matrix, id: str) -> dict[str, Any]:
    cells = zip(matrix.columns, matrix.cells(id), strict=True)
    return {"id": id, "cells": {c.label: _json_cell(x) for c, x in cells if x.kind != "empty"}}


def _json_cell(cell: Cell) -> dict[str, Any]:
    tree: dict[str, Any] = {"kind": cell.kind, "verdict": cell.verdict}
    if cell.reason:
        tree["reason"] = cell.reason
    if cell.case:
        tree |= {"trials": cell.case.trials, "outcomes": dict(sorted(cell.case.outcomes.items()))}
        tree |= {"reached": cell.case.reached, "method": cell.case.method}
    if cell.expected.outcome or cell.expected.sighting:
        tree["expected"] = expectation_text(cell.expected)
    return tree


def _junit(matrix: Matrix) -> str:
    suites = "".join(_junit_suite(column) for column in matrix.measured)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{suites}</testsuites>\n'


def _junit_suite(column: Column) -> str:
    cells = column.cells.values()
    failures = sum(cell.failing for cell in cells)
    skipped = sum(cell.verdict in ("unsupported", "known") for cell in cells)
    name = quoteattr(printable(column.label))
    cases = "".join(_junit_case(name, id, cell) for id, cell in sorted(column.cells.items()))
    numbers = f'tests="{len(cells)}" failures="{failures}" errors="0" skipped="{skipped}"'
    return f" <testsuite name={name} {numbers}>\n{cases} </testsuite>\n"


def _junit_case(classname: str, id: str, cell: Cell) -> str:
    seconds = cell.case.seconds if cell.case else 0
    message = quoteattr(f"{cell.verdict}: {printable(cell.reason)}")
    told = escape(printable("; ".join(full_text(cell.case)))) if cell.case else ""
    if cell.failing:
        body = f"<failure message={message}>{told}</failure>"
    elif cell.verdict in ("unsupported", "known"):
        body = f"<skipped message={message}/>"
    else:
        body = f"<system-out>{told}</system-out>"
    head = f'<testcase classname={classname} name={quoteattr(id)} time="{seconds:.6f}">'
    return f"  {head}{body}</testcase>\n"


def badge(matrix: Matrix) -> str:
    """Return an SVG badge: how many of the judged cases are as expected."""
    cells = [cell for column in matrix.measured for cell in column.cells.values()]
    judged = [cell for cell in cells if cell.verdict not in ("unsupported", "unpredicted")]
    good = sum(not cell.failing for cell in judged)
    words = f"{good} of {len(judged)} as expected" if judged else "nothing judged"
    colour = "#57606a" if not judged else "#1a7f37" if good == len(judged) else "#b35900"
    left, right = 64, 14 + 7 * len(words)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f' aria-label="sigprobe: {words}"><title>sigprobe: {words}</title>'
        f'<rect width="{left}" height="20" fill="#333"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"'
        f' text-anchor="middle"><text x="{left / 2:g}" y="14">sigprobe</text>'
        f'<text x="{left + right / 2:g}" y="14">{words}</text></g></svg>\n'
    )


def _html(matrix: Matrix) -> str:
    from reports.html import page

    return page(matrix)


FORMATS: dict[str, Callable[[Matrix], str]] = {
    "table": _table,
    "markdown": _markdown,
    "html": _html,
    "csv": _csv,
    "json": _json,
    "junit": _junit,
    "github": _github,
    "badge": badge,
}
