# SPDX-License-Identifier: BSD-2-Clause
"""What a kit printed, read as results, whichever way it was started."""

from kernels.cage import Ended
from reports.schema import Fault, Results, loads

# A kit ends with one of these when it has results: all well, something deviates, cut off.
_STATUSES = (0, 1, 124, 130)


def results(ended: Ended, where: str) -> Results:
    """Return the results that a kit printed; Fault (3) when there are none, (2) when damaged."""
    if ended.overran and not ended.stdout:
        raise Fault(f"{where}: no results within the time limit: {ended.last_words()}", 3)
    if ended.status not in _STATUSES or not ended.stdout:
        raise Fault(f"{where}: ended with status {ended.status}: {ended.last_words()}", 3)
    return loads(ended.stdout, f"what {where} printed")
