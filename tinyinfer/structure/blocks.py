"""The layers that make a block: found by a network's wiring, and by the names of its nodes.

Wiring tells of blocks with branches, as residual and inception blocks: regions with one way in and one way out, and
cells with several ways in, which end in a join.  Names tell of blocks without branches: what stands below one prefix,
as ``features.3``, and below others beside it.  A network without speaking names has its regions and cells.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from tinyinfer.structure.wiring import Group, Piece, Wiring

LARGEST = 1 / 3  # of the layers of a network that a block may have: more of them is no part, but the network
LEAST_ALIKE = 2  # groups below prefixes that differ by numbers alone are blocks even where no branch tells of them
SEPARATOR = re.compile(r"[./]")


def find_blocks(layers: Sequence[Piece], wiring: Wiring) -> list[Group]:
    """The layers of each block of several, in order; no block is within another, and all can be folded together."""
    most = LARGEST * len(layers)
    named = {
        prefix: group
        for prefix, group in below_prefixes(layers).items()
        if 1 < len(group) <= most and wiring.is_convex(group)
    }
    regions = [region for region in wiring.regions() if len(region) <= most]
    ends = {region[-1] for region in regions}
    cells = [cell for cell in _alike_cells(wiring) if len(cell) <= most and cell[-1] not in ends]
    stems = {_stem(layers, group) for group in (*regions, *cells)} - {""}
    parents, looks, stages = set(map(_parent, stems)), set(map(_without_numbers, stems)), _stages(stems)
    beside = (
        group
        for prefix, group in named.items()
        if (_parent(prefix) in parents or _without_numbers(prefix) in looks) and prefix not in stages
    )
    found = _Disjoint(wiring)
    # where there are names, cells tell which of them are a cell's
    for group in sorted([*regions, *(beside if named else cells)], key=len, reverse=True):
        found.add([group])
    # where no branch tells of blocks, most of them first: those of a stage rather than the stages
    alike: dict[str, list[Group]] = {}
    for prefix, group in named.items():
        alike.setdefault(_without_numbers(prefix), []).append(group)
    for groups in sorted(alike.values(), key=lambda groups: (len(groups), sum(map(len, groups))), reverse=True):
        if len(groups) >= LEAST_ALIKE:
            found.add(groups)
    return sorted(found.groups)


def _stages(stems: AbstractSet[str]) -> set[str]:
    """The prefixes above several blocks that differ by numbers alone."""
    alike = Counter((_parent(stem), _without_numbers(stem)) for stem in stems)
    return {parent for (parent, _), count in alike.items() if count >= LEAST_ALIKE}


def below_prefixes(layers: Sequence[Piece]) -> dict[str, Group]:
    """The layers below each prefix of their names, shorter ones first."""
    found: dict[str, list[int]] = {}
    for i, layer in enumerate(layers):
        for prefix in _prefixes(layer.name):
            found.setdefault(prefix, []).append(i)
    return {prefix: tuple(found[prefix]) for prefix in sorted(found, key=len)}


def _alike_cells(wiring: Wiring) -> list[Group]:
    """The cells that join as many layers as another does."""
    cells = list(wiring.cells())
    parts = [len(wiring.before[cell[-1]]) for cell in cells]
    return [cell for cell, count in zip(cells, parts, strict=True) if parts.count(count) >= LEAST_ALIKE]


class _Disjoint:
    """Groups none of which overlap, and that can be folded together."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring, self.groups, self.taken = wiring, list[Group](), set[int]()

    def add(self, groups: Sequence[Group]) -> None:
        """Take these, if none of them has a layer that is taken."""
        free = self.taken.isdisjoint(itertools.chain(*groups))
        if free and self.wiring.order([*self.groups, *groups]) is not None:
            self.groups += groups
            self.taken.update(*groups)


def _prefixes(name: str) -> list[str]:
    return [name[: match.start()] for match in SEPARATOR.finditer(name) if match.start()]


def _stem(layers: Sequence[Piece], group: Group) -> str:
    """The longest prefix that all of a group have."""
    common = set.intersection(*(set(_prefixes(layers[i].name)) for i in group))
    return max(common, key=len, default="")


def _parent(prefix: str) -> str:
    return max(_prefixes(prefix), key=len, default="")


def _without_numbers(prefix: str) -> str:
    return re.sub(r"\d+", "#", prefix)
