"""Which channels stay: those worth most, in counts that suit the layers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tinyinfer.passes.portable.slimming.channels.channel_sets import FIXED, ChannelSets
from tinyinfer.passes.portable.slimming.follow import Followed
from tinyinfer.passes.portable.slimming.scores import Scores


class Rule(NamedTuple):
    """What is cut: a share ``ratio`` of the channels, of all or of each layer's, to counts that are multiples."""

    ratio: float
    multiple: int = 16
    per_layer: bool = False


@dataclass
class Tied:
    """Cells: sets of channels that the same layers compute and the same groups of layers read.

    Of each cell as many sets stay.  ``per_set`` is the number of channels of a layer that a set has in all cells.
    """

    cells: list[np.ndarray] = field(default_factory=list)  # roots, the best first
    per_set: Counter[int] = field(default_factory=Counter)

    @property
    def size(self) -> float:
        """Sets of a cell, in the mean."""
        return sum(map(len, self.cells)) / len(self.cells)

    def counts(self, multiple: int) -> range:
        """How many sets of a cell may stay, if not all: of every layer a multiple."""
        step = math.lcm(*(multiple // math.gcd(multiple, channels) for channels in self.per_set.values()))
        return range(step, min(map(len, self.cells)), step)


def select(found: Followed, scores: Scores, rule: Rule) -> np.ndarray:
    """For every channel number whether it stays."""
    roots = found.sets.roots()
    ties = [tied for tied in tie(found, roots, scores) if tied.counts(rule.multiple)]
    low = np.zeros(len(roots), bool)
    if ties and not rule.per_layer:
        low[lowest([cell for tied in ties for cell in tied.cells], scores, rule.ratio)] = True
    cut = np.zeros(len(roots), bool)
    for tied in ties:
        worth = sum(int((~low[cell]).sum()) for cell in tied.cells) / len(tied.cells)
        wanted = (1 - rule.ratio) * tied.size if rule.per_layer else worth
        count = min((*tied.counts(rule.multiple), tied.size), key=lambda count: (abs(count - wanted), -count))
        for cell in tied.cells if count < tied.size else []:
            cut[cell[int(count) :]] = True
    return ~np.take(cut, roots)


def lowest(cells: list[np.ndarray], scores: Scores, ratio: float) -> np.ndarray:
    """The sets with the lowest scores, of at most this share of all channels; of equal scores some of each cell."""
    every = np.concatenate(cells)
    place = np.concatenate([1 - np.arange(len(cell)) / len(cell) for cell in cells])
    order = every[np.lexsort((place, scores.mean[every]))]
    share = np.cumsum(scores.found[order])
    return order[: int(np.searchsorted(share, ratio * share[-1], side="right"))]


Signature = frozenset[tuple[tuple[int, ...], int]]


def tie(found: Followed, roots: np.ndarray, scores: Scores) -> list[Tied]:
    """All cells whose channels can be cut, those that have to keep counts alike together."""
    cells: dict[Signature, list[int]] = {}
    for root, signature in _signatures(found, roots).items():
        if root != FIXED:
            cells.setdefault(signature, []).append(root)
    bound = ChannelSets()  # of numbers that stand for the entries of `alike`
    entries = bound.fresh(len(found.sets.alike))
    blocks = {signature: entries[[key[0] for key, _ in signature if len(key) > 1]] for signature in cells}
    for numbers in blocks.values():
        bound.unite(numbers, numbers[:1])
    first = bound.roots()
    ties: dict[int | Signature, Tied] = {}
    for signature, members in cells.items():
        cell = np.array(members)
        if not np.isnan(scores.mean[cell]).any():
            owner: int | Signature = int(first[blocks[signature][0]]) if len(blocks[signature]) else signature
            tied = ties.setdefault(owner, Tied())
            tied.cells.append(cell[np.argsort(-scores.mean[cell], kind="stable")])
            tied.per_set.update({key[0]: count for key, count in signature if len(key) == 1})
    return list(ties.values())


def _signatures(found: Followed, roots: np.ndarray) -> dict[int, Signature]:
    """For each set how many channels it has of which layer (its number), and of which block (entry, block)."""
    places: list[tuple[tuple[int, ...], np.ndarray]] = [
        *(((at,), layer.numbers) for at, layer in enumerate(found.layers)),
        *(((at, i), block) for at, alike in enumerate(found.sets.alike) for i, block in enumerate(alike.blocks)),
    ]
    counted: dict[int, Counter[tuple[int, ...]]] = {}
    for place, numbers in places:
        for root in roots[numbers].tolist():
            counted.setdefault(root, Counter())[place] += 1
    return {root: frozenset(counter.items()) for root, counter in counted.items()}
