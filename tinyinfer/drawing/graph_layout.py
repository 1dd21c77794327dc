"""Where to draw the nodes of a graph: layers from top to bottom, straight chains, branches side by side.

The method of Sugiyama, Tagawa and Toda (1981) in its simplest form: layer by the longest path, lead long edges
through dummies, order layers by barycentres, then place each layer by weighted least squares.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

SWEEPS = 8
SKIP_WEIGHT = 1e-3  # a card keeps its place and an edge that skips it gives way


@dataclass
class Item:
    """A node, or a point where an edge passes a layer (``node`` is None); ``weight`` holds it in its place."""

    node: int | None
    width: float
    weight: float = 1.0
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """Centre of every node, its layer, and for every edge the centres of the points it passes between them."""

    x: list[float]
    layer: list[int]
    passes: dict[tuple[int, int], list[float]]


def lay_out(count: int, edges: Sequence[tuple[int, int]], width: float, gap: float, lane: float) -> Layout:
    """Place nodes 0 .. count - 1, numbered in topological order: cards of ``width``, ``gap`` apart.

    An edge that passes a card's layer takes a ``lane``.
    """
    edges = list(dict.fromkeys(edges))
    layer = _layers(count, edges)
    items = [Item(i, width) for i in range(count)]
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for i in range(count):
        rows[layer[i]].append(i)
    readers = [sum(a == i for a, _ in edges) for i in range(count)]
    dummies = {}
    for a, b in edges:  # an edge that goes on alone is its branch's middle line, one of several skips the others
        dummy = Item(None, lane, 1.0 if readers[a] == 1 else SKIP_WEIGHT)
        dummies[a, b] = _lead(items, rows, a, b, layer, dummy)
    _order(items, rows)
    x = _place(items, rows, gap)
    passes = {edge: [x[d] for d in chain] for edge, chain in dummies.items()}
    return Layout(x[:count], layer, passes)


def split(layout: Layout, columns: int) -> list[int]:
    """First layers of some ``columns`` columns of like height; each follows a card that no edge passes."""
    last = max(layout.layer, default=0)
    crowd = [0] * (last + 1)
    for row in layout.layer:
        crowd[row] += 1
    for (a, _), passed in layout.passes.items():
        for row in range(layout.layer[a] + 1, layout.layer[a] + 1 + len(passed)):
            crowd[row] += 1
    cuts = [row + 1 for row in range(last) if crowd[row] == 1]
    starts = {0}
    for i in range(1, columns):
        ideal = i * (last + 1) / columns
        starts.update(sorted(cuts, key=lambda cut: abs(cut - ideal))[:1])
    return sorted(starts)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    layer = [0] * count
    for a, b in sorted(edges, key=lambda edge: edge[1]):
        layer[b] = max(layer[b], layer[a] + 1)
    return layer


def _lead(items: list[Item], rows: list[list[int]], a: int, b: int, layer: Sequence[int], dummy: Item) -> list[int]:
    """Put a dummy into every layer between two nodes and link them up."""
    chain = []
    for row in range(layer[a] + 1, layer[b]):
        chain.append(len(items))
        rows[row].append(len(items))
        items.append(Item(None, dummy.width, dummy.weight))
    path = [a, *chain, b]
    for upper, lower in itertools.pairwise(path):
        items[upper].below.append(lower)
        items[lower].above.append(upper)
    return chain


def _order(items: list[Item], rows: list[list[int]]) -> None:
    """Sort each layer by the mean position of its neighbours, downwards and upwards in turn."""
    position = {i: float(p) for row in rows for p, i in enumerate(row)}

    def mean(neighbours: Sequence[int], default: float) -> float:
        return float(np.mean([position[n] for n in neighbours])) if neighbours else default

    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            # cards before passing edges where both want the same place, so that edges pass on the right
            row.sort(
                key=lambda i: (mean(items[i].above if down else items[i].below, position[i]), items[i].node is None)
            )
            position.update((i, float(p)) for p, i in enumerate(row))


def _place(items: list[Item], rows: list[list[int]], gap: float) -> list[float]:
    """Move each layer as near to its neighbours as widths allow, from above and from below in turn."""
    x = [0.0] * len(items)
    for row in rows:
        _settle(items, row, x, dict.fromkeys(row, 0.0), gap)
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            wanted = {i: _target(items, x, i, down) for i in row}
            _settle(items, row, x, wanted, gap)
    return x


def _target(items: Mapping[int, Item] | Sequence[Item], x: Sequence[float], i: int, down: bool) -> float:
    item = items[i]
    neighbours = (item.above or item.below) if down else (item.below or item.above)
    if not neighbours:
        return x[i]
    weights = [items[n].weight for n in neighbours]
    return float(np.average([x[n] for n in neighbours], weights=weights))


def _settle(items: list[Item], row: Sequence[int], x: list[float], wanted: Mapping[int, float], gap: float) -> None:
    """Least squares under "this far apart at least": shifted, it is isotonic regression by pooling neighbours."""
    shift, shifts = 0.0, []
    for left, right in zip([None, *row], row, strict=False):
        if left is not None:
            shift += (items[left].width + items[right].width) / 2 + gap
        shifts.append(shift)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for i, offset in zip(row, shifts, strict=True):
        mean, weight, members = wanted[i] - offset, items[i].weight, 1
        while pools and pools[-1][0] >= mean:
            other, other_weight, other_members = pools.pop()
            mean = (mean * weight + other * other_weight) / (weight + other_weight)
            weight, members = weight + other_weight, members + other_members
        pools.append((mean, weight, members))
    settled = [mean for mean, _, members in pools for _ in range(members)]
    for i, mean, offset in zip(row, settled, shifts, strict=True):
        x[i] = mean + offset
