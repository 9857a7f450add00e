# SPDX-License-Identifier: BSD-2-Clause
"""The reference port's cases at a glance: kick and backend (rows) by scenario (columns)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from reports.schema import Case

PREFIX = "blockif/"
SCENARIOS = (
    "pending",
    "asleep",
    "before",
    "finished",
    "storm",
    "port-stop",
    "close",
    "slow-trim",
)


def pivot(cases: Mapping[str, Case]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table; no rows where no case of the port was measured.

    A cell sums up all operations: the outcomes that were seen, the most frequent first.
    """
    counts: dict[tuple[str, str], dict[str, Counter[str]]] = {}
    for id, case in cases.items():
        if id.startswith(PREFIX) and case.trials:
            _, kick, _operation, backend, scenario = id.split("/")
            row = counts.setdefault((kick, backend), {})
            row.setdefault(scenario, Counter()).update(case.outcomes)
    rows = [
        [kick, backend, *(_outcomes(found.get(scenario)) for scenario in SCENARIOS)]
        for (kick, backend), found in sorted(counts.items())
    ]
    return ["kick", "backend", *SCENARIOS], rows


def _outcomes(counts: Counter[str] | None) -> str:
    """Return the outcomes in a phrase: "waited, cancelled"; "–" where nothing was measured."""
    return ", ".join(word for word, _ in counts.most_common()) if counts else "–"
