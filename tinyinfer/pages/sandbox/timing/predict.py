"""The time of a layer from those of measured ones that are like it; predict.js does the same in the page."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tinyinfer.pages.sandbox.timing.layers import Layer

NEIGHBOURS = 4
SAME = 1e-9  # of a squared distance in doublings: the very layer


class Measured(NamedTuple):
    """A layer and the nanoseconds that it took."""

    layer: Layer
    nanoseconds: float


def by_kind(rows: Iterable[Measured]) -> dict[str, list[Measured]]:
    """Rows in lists by their layer's kind, in their order."""
    found: dict[str, list[Measured]] = defaultdict(list)
    for row in rows:
        found[row.layer.kind].append(row)
    return dict(found)


def nanoseconds(layer: Layer, table: Mapping[str, Sequence[Measured]]) -> float:
    """What a layer would take: its work times the rate of its nearest neighbours, weighted by closeness.

    Sizes are compared by their logarithms, so that twice as many channels are as far as half as many.  A kind that
    nobody measured takes no time.
    """
    rows = table.get(layer.kind, ())
    if not rows:
        return 0.0
    near = sorted((_distance(layer.sizes, row.layer.sizes), row.nanoseconds / row.layer.work) for row in rows)
    if near[0][0] < SAME:
        return near[0][1] * layer.work
    last = near[min(NEIGHBOURS, len(near)) - 1][0] + SAME  # those that are as far as the last one count, too
    weights = [(1 / d, rate) for d, rate in near if d <= last]
    return layer.work * sum(w * rate for w, rate in weights) / sum(w for w, _ in weights)


def _distance(a: Sequence[int], b: Sequence[int]) -> float:
    """Squared, in doublings."""
    return sum(math.log2(p / q) ** 2 for p, q in zip(a, b, strict=True))
