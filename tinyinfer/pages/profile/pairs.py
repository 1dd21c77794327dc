"""Which steps of two runs do the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Pair = tuple[list[int], list[int]]


def pairs(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """Steps of both that stand for the same nodes of the network, in order; one of the two may have none.

    Steps go together when they have a node in common, or a name: where one run has fused what the other has not,
    several of a run are on one side.
    """
    leader: dict[object, object] = {}

    def find(item: object) -> object:
        while (above := leader.setdefault(item, item)) != item:
            leader[item] = item = leader[above]
        return item

    runs = (first, second)
    for side, steps in enumerate(runs):
        for at, step in enumerate(steps):
            for name in {step["name"], *step["origin"]}:
                leader[find(("node", name))] = find((side, at))
    groups: dict[object, Pair] = {}
    for side, steps in enumerate(runs):
        for at in range(len(steps)):
            groups.setdefault(find((side, at)), ([], []))[side].append(at)
    return sorted(groups.values(), key=lambda pair: (min(pair[0], default=len(first)), min(pair[1], default=0)))
