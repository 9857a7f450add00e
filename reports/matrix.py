# SPDX-License-Identifier: BSD-2-Clause
"""Many results files as one matrix: the questions, then cases (rows) by platforms (columns).

Results of one platform are merged. Platforms without results stand beside them as columns of
predictions, from their expectations alone. What a report shows is made here; the renderers only
choose how it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from attrs import Factory, define, frozen

from reports.expectations import (
    PLATFORMS,
    Expectations,
    Expected,
    expectations_for,
    load_expectations,
    platform_name,
    release_of,
)
from reports.schema import OUTCOMES, Case, Fault, Platform, Results, dumps, matches, merge
from reports.shares import bound, percent, share_text
from reports.verdicts import Judgement, fails, judge

# Why a platform cannot run a case: (case id, platform of expectations.PLATFORMS) -> reason or None.
Gate = Callable[[str, str], str | None]


@frozen
class Question:
    """What somebody asks: the patterns of the cases that answer it, and the answer from results.

    `aspect` is what of a case is asked about: "outcomes", "sightings", or another, which no
    expectation speaks of.
    """

    name: str
    text: str
    patterns: tuple[str, ...]
    aspect: str
    answer: Callable[[Results], str | None]

    def asks(self, case_id: str) -> bool:
        """Whether a case helps to answer it."""
        return matches(case_id, self.patterns)


@frozen
class Cell:
    """One case on one platform; `kind` is "measured", "unsupported", "predicted" or "empty"."""

    kind: str
    case: Case | None = None
    judgement: Judgement | None = None
    expected: Expected = Expected()
    reason: str = ""

    @property
    def verdict(self) -> str:
        """The verdict, or the kind where there is none."""
        return self.judgement.verdict if self.judgement else self.kind

    @property
    def failing(self) -> bool:
        """Whether this cell makes a run fail."""
        return bool(self.case and self.judgement and fails(self.case, self.judgement))


@define
class Column:
    """A platform: its merged results, or predictions only."""

    label: str
    name: str | None
    expectations: Expectations | None
    results: Results | None = None
    cells: dict[str, Cell] = Factory(dict)

    @property
    def measured(self) -> bool:
        """Whether there are results, not only predictions."""
        return self.results is not None

    @property
    def platform(self) -> Platform | None:
        """The measured platform."""
        return self.results.platform if self.results else None


@define
class Matrix:
    """The report: questions with an answer a column, and the cells, column by column.

    `places` are the files and folders it was made from, as far as it may show them.
    """

    rows: list[str]
    columns: list[Column]
    questions: list[tuple[Question, list[str]]]
    places: tuple[str, ...] = ()

    def cells(self, case_id: str) -> list[Cell]:
        """Return a row."""
        return [column.cells.get(case_id, EMPTY) for column in self.columns]

    def answered(self) -> Iterator[tuple[Question, list[tuple[Column, str]]]]:
        """Yield the questions that have an answer, with those answers."""
        for question, answers in self.questions:
            pairs = zip(self.columns, answers, strict=True)
            found = [(column, text) for column, text in pairs if text]
            if found:
                yield question, found

    @property
    def measured(self) -> list[Column]:
        """The columns with results."""
        return [column for column in self.columns if column.measured]

    @property
    def failing(self) -> int:
        """How many measured cells are not as expected."""
        return sum(cell.failing for column in self.columns for cell in column.cells.values())


EMPTY = Cell("empty")


def build(
    files: Iterable[Results],
    questions: Sequence[Question] = (),
    gate: Gate | None = None,
    predicted: Sequence[str] = PLATFORMS,
) -> Matrix:
    """Build the matrix; platforms of `predicted` without results become columns of predictions."""
    columns = [_measured(label, results, gate) for label, results in gather(files)]
    rows = sorted({id for column in columns for id in column.cells})
    present = {column.name for column in columns}
    columns += [_predicted(name, rows, gate) for name in predicted if name not in present]
    answered = [(question, [_answer(question, c, rows) for c in columns]) for question in questions]
    return Matrix(rows, columns, answered)


def gather(files: Iterable[Results]) -> list[tuple[str, Results]]:
    """Merge results by platform.

    Those that must not be added up stay apart: the newest has the plain id, the next is "ID (2)".
    """
    by_platform: dict[str, list[Results]] = {}
    for results in files:
        by_platform.setdefault(results.platform.id, []).append(results)
    return [
        (id if number == 1 else f"{id} ({number})", results)
        for id in sorted(by_platform)
        for number, results in enumerate(_merge_all(by_platform[id]), 1)
    ]


def _merge_all(files: list[Results]) -> list[Results]:
    """Add up what may be, whatever the order of the files; the same file twice counts once."""
    if len(files) == 1:
        return files
    distinct = {dumps(results): results for results in files}
    merged: list[Results] = []
    for text in sorted(distinct, key=lambda text: (distinct[text].run.started, text), reverse=True):
        for place, other in enumerate(merged):
            with suppress(Fault):  # another definition of a case
                merged[place] = merge(other, distinct[text])
                break
        else:
            merged.append(distinct[text])
    return merged


def _measured(label: str, results: Results, gate: Gate | None) -> Column:
    expectations = expectations_for(results.platform)
    name = platform_name(results.platform)
    release = release_of(results.platform.release)
    column = Column(label, name, expectations, results)
    for case in results.cases:
        expected = expectations.expect(case.id, release) if expectations else Expected()
        judgement = judge(case, expected, gate(case.id, name) if gate and name else None)
        kind = "unsupported" if case.status == "unsupported" else "measured"
        column.cells[case.id] = Cell(kind, case, judgement, expected, judgement.reason)
    return column


def _predicted(name: str, rows: list[str], gate: Gate | None) -> Column:
    expectations = load_expectations(name)
    column = Column(name, name, expectations)
    for id in rows:
        reason = gate(id, name) if gate else None
        expected = expectations.expect(id)
        if reason:
            column.cells[id] = Cell("unsupported", reason=reason)
        elif expected.outcome or expected.sighting:
            column.cells[id] = Cell("predicted", expected=expected)
    return column


def _answer(question: Question, column: Column, rows: list[str]) -> str:
    if column.results is not None:
        return question.answer(column.results) or ""
    cells = [column.cells[id] for id in rows if id in column.cells and question.asks(id)]
    spoken = [_predicted_word(cell.expected, question.aspect) for cell in cells]
    words = list(dict.fromkeys(word for word in spoken if word))
    return f"predicted: {', '.join(words)}" if words else ""


def _predicted_word(expected: Expected, aspect: str) -> str:
    if aspect == "sightings" and expected.sighting:
        return str(expected.sighting.sightings)
    return " or ".join(ordered(expected.outcomes)) if aspect == "outcomes" else ""


def ordered(outcomes: Iterable[str]) -> list[str]:
    """Return outcome names in their fixed order."""
    found = set(outcomes)
    return [name for name in OUTCOMES if name in found]


def by_share(outcomes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return (outcome, trials), the most frequent first."""
    return sorted(((k, n) for k, n in outcomes.items() if n), key=lambda item: (-item[1], item[0]))


def short_text(cell: Cell) -> str:
    """Return a cell's content in a phrase, without its verdict: "interrupted 93 %, lost 7 %"."""
    if cell.kind == "predicted":
        return f"({expectation_text(cell.expected)})"
    if cell.kind == "unsupported":
        return "–"
    if cell.case is None:
        return ""
    if not cell.case.trials:
        return cell.case.status
    mark = {"settled": "~ ", "control": "+ "}.get(cell.case.method, "")
    parts = [_spread(cell.case.outcomes)]
    if cell.case.sightings.seen + cell.case.sightings.missed:
        seen = {"seen": cell.case.sightings.seen, "missed": cell.case.sightings.missed}
        parts.append(_spread(seen))
    return mark + "; ".join(parts)


def _spread(counts: Mapping[str, int]) -> str:
    found = by_share(counts)
    total = sum(counts.values())
    if len(found) == 1:
        word = found[0][0]
        return f"{word} > {percent(1 - bound(total))}" if total > 3 else f"{word} {total}×"
    return ", ".join(f"{word} {percent(n / total)}" for word, n in found)


def full_text(case: Case) -> list[str]:
    """Return a case's outcomes and sightings, one a line, with their bounds."""
    lines = [f"{name}: {share_text(n, case.trials)}" for name, n in by_share(case.outcomes)]
    looked = case.sightings.seen + case.sightings.missed
    if looked:
        lines.append(f"seen by the watcher: {share_text(case.sightings.seen, looked)}")
    return lines


METHOD_TEXT = {
    "observed": "the kernel itself showed the target asleep, before and after",
    "control": "by a second, handled signal",
    "settled": "what did not come was waited for, at least twenty times the longest wake-up seen",
}


def facts(case: Case) -> list[str]:
    """Return all that was counted, one thing a line; the latency is left to whoever shows it."""
    seen, runs = case.sightings, case.handler
    lines = full_text(case)
    if seen.watcher_first + seen.target_first:
        first = f"watcher {seen.watcher_first:,}, target {seen.target_first:,}"
        lines.append(f"first in user space: {first}")
    lines.append(f"reached the situation: {share_text(case.reached, case.trials)}")
    lines.append(f"method: {case.method} ({METHOD_TEXT[case.method]})")
    if runs.target + runs.bystander + runs.elsewhere:
        lines.append(
            f"handler runs: {runs.target:,} in the target, {runs.bystander:,} in the bystander, "
            f"{runs.elsewhere:,} elsewhere"
        )
    if case.late:
        lines.append(f"noticed only at the release: {case.late:,}")
    if case.kicks is not None:
        lines.append(f"kicks spent: {case.kicks:,}")
    return [*lines, f"note: {case.note}"] if case.note else lines


def expectation_text(expected: Expected) -> str:
    """Return what is expected in a phrase: "undisturbed; seen"."""
    parts = [" or ".join(ordered(expected.outcomes))] if expected.outcomes else []
    if expected.sighting:
        word = str(expected.sighting.sightings)
        parts.append("seen or missed" if word == "either" else word)
    return "; ".join(parts) or "nothing is predicted"
