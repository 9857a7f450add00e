# SPDX-License-Identifier: BSD-2-Clause
"""What there is to know of a cell, as pieces of HTML: the page shows the same ones with scripts on
and off, and stores each piece once.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Iterator, Sequence
from html import escape

from reports.drawings import bars, curves, histogram
from reports.evidence import platform_points, source_text
from reports.expectations import Expected
from reports.matrix import Column, expectation_text, facts
from reports.schema import Case, SweepStep, printable

MARKS = {
    "conforms": "✓",
    "deviates": "✗",
    "varies": "≠",
    "known": "!",
    "fixed": "✚",
    "unpredicted": "?",
    "inconclusive": "…",
}
NOTHING = "<p>Neither measured nor predicted.</p>"
PREDICTED = "<p>Predicted, not measured.</p>"


@functools.lru_cache(maxsize=10_000)
def text(words: str) -> str:
    """Return words from anywhere as HTML that shows them as they are."""
    return escape(printable(words))


def points(lines: Sequence[str]) -> str:
    """Return lines as a list."""
    return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>"


def verdict(word: str, reason: str) -> str:
    """Return a verdict with its mark and its reason."""
    return f"<p class={word}>{MARKS.get(word, '')} {word}: {text(reason)}</p>"


def unsupported(reason: str) -> str:
    """Return why a case cannot be run."""
    return f"<p>It cannot be run there: {text(reason)}.</p>"


def expectation(expected: Expected) -> str:
    """Return what is expected, with its sources and its known bug."""
    entries = [entry for entry in (expected.outcome, expected.sighting) if entry]
    sources = dict.fromkeys(source_text(entry) for entry in entries)
    bugs = dict.fromkeys(entry.bug.address for entry in entries if entry.bug)
    lines = [*map(text, sources), *(f"known bug: {_address(bug)}" for bug in bugs)]
    listed = "".join(f"<li>{line}</li>" for line in lines)
    return f"<h3>Expected</h3><p>{text(expectation_text(expected))}</p><ul>{listed}</ul>"


def _address(address: str) -> str:
    safe = address.startswith("https://")
    shown = text(address)
    return f'<a href="{shown}" rel=noreferrer>{shown}</a>' if safe else shown


def measured(case: Case) -> str:
    """Return what was counted, with a drawing of the outcomes."""
    drawn = bars(case) if any(case.outcomes.values()) else ""
    return f"<h3>Measured</h3>{drawn}{points(facts(case))}"


def drawings(case: Case, steps: Sequence[SweepStep]) -> Iterator[str]:
    """Yield the latency and those steps of the sweep that are to be drawn, where there are any."""
    if case.latency_ns.buckets:
        yield f"<h3>From send to return</h3>{histogram(case.latency_ns)}"
    if steps:
        yield f"<h3>Sweep</h3>{curves(steps)}"


def reproduction(places: Sequence[str]) -> str:
    """Return how to go on from a cell; {case} stands for its case, {platform} for its column.

    `places` are the files and folders that the report was made from.
    """
    quoted = " ".join(map(shlex.quote, places or ("FILE",)))
    lines = (
        f"sigprobe evidence {quoted} '{{case}}' --on '{{platform}}'   # for a bug report",
        "sigprobe run '{case}' -o result.json   # measured on this machine",
        "sigprobe repro '{case}' -o repro.c && cc -pthread -o repro repro.c && ./repro",
    )
    joined = "\n".join(map(text, lines))
    return f"<h3>To reproduce</h3><pre>{joined}</pre>"


def about(column: Column) -> str:
    """Return what is known of a column's platform."""
    if column.results:
        return points(list(platform_points(column.results)))
    told = column.expectations.about if column.expectations else ""
    return points([f"Predicted, not measured. {told}"])
