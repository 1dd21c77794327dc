"""Times of steps as they are when nobody watches: to note when a step begins and ends takes time as well."""

from __future__ import annotations

from collections.abc import Sequence


def unwatched(times: Sequence[float], total: float) -> list[float]:
    """Times less what watching costs, the same for each step, so that they add up to ``total`` at most.

    A step that would take less than nothing takes none.  Where the times add up to less already, they stay: the rest is
    spent between the steps.
    """
    cost, found = 0.0, list(times)
    while sum(found) > total * (1 + 1e-12) and any(found):
        cost += (sum(found) - total) / sum(time > 0 for time in found)
        found = [max(time - cost, 0.0) for time in times]
    return found
