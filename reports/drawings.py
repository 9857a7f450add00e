# SPDX-License-Identifier: BSD-2-Clause
"""Drawings of a case as inline SVG, coloured by the page's style: outcomes, latency, sweep."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from html import escape

from reports.matrix import by_share
from reports.schema import Case, Latency, SweepStep
from reports.shares import interval

WIDTH = 560
LEVELS = 30  # of height in a histogram
AXIS = f"<line class=axis x1=0 y1=129 x2={WIDTH} y2=129 />"
_UNITS = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns"))


def bars(case: Case) -> str:
    """Draw the outcomes, a bar each; its length is the number of trials."""
    pairs = by_share(case.outcomes)
    rows = [_bar(place, word, count, pairs[0][1]) for place, (word, count) in enumerate(pairs)]
    return _svg("Trials by outcome", 24 * len(rows) + 4, *rows)


def _bar(place: int, word: str, count: int, most: int) -> str:
    y = 24 * place
    return (
        _label(0, y + 16, word)
        + f"<rect class=bar x=110 y={y + 4} height=16 width={max(360 * count // most, 1)} />"
        + _label(480, y + 16, f"{count:,}")
    )


def histogram(latency: Latency) -> str:
    """Draw the times from send to return with their words; a bar is an octave of time."""
    octaves = [0] * 64
    for low, count in latency.buckets:
        octaves[low.bit_length()] += count
    first = latency.buckets[0][0].bit_length()
    last = latency.buckets[-1][0].bit_length()
    most = max(octaves) or 1
    wide = min(48, 540 // (last - first + 1))
    heights = [-(-LEVELS * count // most) for count in octaves[first : last + 1]]
    bars = "".join(f"v-{4 * height}h{wide}v{4 * height}" for height in heights)
    shape = f'<path class="bar apart" d="M0 128{bars}" />'
    ends = _label(0, 148, _octave(first))
    if last > first:
        ends += _label(wide * (last - first), 148, _octave(last))
    return (
        f"<p>median {duration(latency.p50)}, 99 % within {duration(latency.p99)}, "
        f"longest {duration(latency.max)}. A bar stands for twice as long as the one before.</p>"
        + _svg("How often it took how long", 156, shape, AXIS, ends)
    )


def _octave(bits: int) -> str:
    return duration(1 << bits >> 1)


def curves(steps: Sequence[SweepStep]) -> str:
    """Draw a sweep: the two most frequent outcomes' shares by offset, in their 95 % bands."""
    totals: dict[str, int] = {}
    for step in steps:
        for word, count in step.outcomes.items():
            totals[word] = totals.get(word, 0) + count
    totals.pop("ambiguous", None)
    shown = [word for word, _ in by_share(totals)][:2]
    low, high = steps[0].offset_ns, steps[-1].offset_ns
    told = f"Share of {' and '.join(shown)} by the entry's offset from the send"
    dashed = f" Dashed: {shown[1]}." if shown[1:] else ""
    drawn = (_curve(steps, word, place) for place, word in enumerate(shown))
    return (
        f"<p>{told}, {low} to {high} ns; the band holds the share at 95 %.{dashed}</p>"
        f"{_svg(told, 210, *_frame(low, high), *drawn)}"
    )


def _frame(low: int, high: int) -> Iterator[str]:
    """Yield the axes of a sweep: shares, and offsets (ns) with a line where entry meets send."""
    yield _line("axis", 40, 180, 540, 180)
    if low <= 0 <= high:
        yield _line("axis zero", _across(0, low, high), 20, _across(0, low, high), 180)
    yield from (_label(0, 24, "100 %"), _label(12, 184, "0 %"))
    yield from (_label(40, 200, f"{low} ns"), _label(490, 200, f"{high} ns"))


def _curve(steps: Sequence[SweepStep], word: str, place: int) -> str:
    low, high = steps[0].offset_ns, steps[-1].offset_ns
    line, lower, upper = [], [], []
    for step in steps:
        x = _across(step.offset_ns, low, high)
        count, total = step.outcomes.get(word, 0), sum(step.outcomes.values())
        ends = interval(count, total)
        line.append(f"{x},{_up(count / total if total else 0)}")
        lower.append(f"{x},{_up(ends[0])}")
        upper.append(f"{x},{_up(ends[1])}")
    band = " ".join([*lower, *reversed(upper)])
    return (
        f'<polygon class=band points="{band}" />'
        f'<polyline class="curve{" second" if place else ""}" points="{" ".join(line)}" />'
    )


def _across(offset: int, low: int, high: int) -> int:
    return 40 + 500 * (offset - low) // (high - low or 1)


def _up(share: float) -> int:
    return round(180 - 160 * share)


@functools.lru_cache(maxsize=10_000)
def duration(ns: int) -> str:
    """Return a time in three digits and a unit that suits it: "8.19 µs"."""
    size, unit = next(((size, unit) for size, unit in _UNITS if ns >= size), _UNITS[-1])
    value = f"{ns / size:.3g}"
    return f"{float(value):.0f} {unit}" if "e" in value else f"{value} {unit}"


@functools.cache
def _svg_head(label: str, height: int) -> str:
    return (
        f'<svg role=img aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {height}" '
        f"width={WIDTH} height={height}>"
    )


def _svg(label: str, height: int, *parts: str) -> str:
    return f"{_svg_head(label, height)}{''.join(parts)}</svg>"


def _label(x: int, y: int, text: str) -> str:
    return f"<text x={x} y={y}>{escape(text)}</text>"


def _line(kind: str, *ends: int) -> str:
    x1, y1, x2, y2 = ends
    return f'<line class="{kind}" x1={x1} y1={y1} x2={x2} y2={y2} />'
