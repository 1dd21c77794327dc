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
    near = sorted((_distance(layer.sizes, row.layer.sizes), i) for i, row in enumerate(table.get(layer.kind, ())))
    near = near[:NEIGHBOURS]
    if not near:
        return 0.0
    rates = [(d, table[layer.kind][i].nanoseconds / table[layer.kind][i].layer.work) for d, i in near]
    if rates[0][0] < SAME:
        return rates[0][1] * layer.work
    weights = [1 / d for d, _ in rates]
    return layer.work * sum(w * rate for w, (_, rate) in zip(weights, rates, strict=True)) / sum(weights)


def _distance(a: Sequence[int], b: Sequence[int]) -> float:
    """Squared, in doublings."""
    return sum(math.log2(p / q) ** 2 for p, q in zip(a, b, strict=True))
