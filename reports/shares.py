# SPDX-License-Identifier: BSD-2-Clause
"""Shares of trials and what they prove: bounds at 95 %, in numbers and in words."""

from __future__ import annotations

import functools
import math


def bound(trials: int) -> float:
    """Return the rate (0 … 1) below which an event lies at 95 % that was in none of n trials.

    The rule of three: (1 - r)**n = 0.05 gives r close to 3/n.
    """
    return min(1.0, 3 / trials) if trials else 1.0


def interval(count: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (0 … 1): Wilson's, or the rule of three at the ends."""
    if not trials:
        return 0.0, 1.0
    if count in (0, trials):
        return (0.0, bound(trials)) if count == 0 else (1 - bound(trials), 1.0)
    z = 1.96
    share = count / trials
    scale = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


@functools.lru_cache(maxsize=10_000)
def share_text(count: int, trials: int) -> str:
    """Return a share with its bound: "0 of 100,000; < 0.003 %", "7 of 10; 70 %"."""
    head = f"{count:,} of {trials:,}"
    if not trials or (count in (0, trials) and trials <= 3):
        return head
    if count == 0:
        return f"{head}; < {percent(bound(trials))}"
    if count == trials:
        return f"{head}; > {percent(1 - bound(trials))}"
    return f"{head}; {percent(count / trials)}"


@functools.lru_cache(maxsize=10_000)
def percent(rate: float) -> str:
    """Return a rate (0 … 1) as percent: two digits, counted from 100 % where that is nearer."""
    value = 100 * rate
    distance = min(value, 100 - value)
    if distance <= 0:
        return f"{value:.0f} %"
    digits = max(0, 1 - math.floor(math.log10(distance)))
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + " %"
