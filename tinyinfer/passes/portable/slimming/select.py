"""Which channels stay: those worth most, in counts that suit the layers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tinyinfer.passes.portable.slimming.channels.channel_sets import FIXED
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
    cut = np.zeros(len(roots), bool)
    if ties:
        every = np.concatenate([cell for tied in ties for cell in tied.cells])
        limit = np.inf if rule.per_layer else threshold(scores.mean[every], scores.found[every], rule.ratio)
        for tied in ties:
            above = sum(int((scores.mean[cell] > limit).sum()) for cell in tied.cells) / len(tied.cells)
            wanted = (1 - rule.ratio) * tied.size if rule.per_layer else above
            count = min((*tied.counts(rule.multiple), tied.size), key=lambda count: (abs(count - wanted), -count))
            for cell in tied.cells if count < tied.size else []:
                cut[cell[int(count) :]] = True
    return ~np.take(cut, roots)


def threshold(values: np.ndarray, counts: np.ndarray, ratio: float) -> float:
    """The score that a share ``ratio`` of all channels does not exceed."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(counts[order]) / counts.sum()
    below = int(np.searchsorted(share, ratio, side="right"))
    return -np.inf if below == 0 else float(values[order[below - 1]])


def tie(found: Followed, roots: np.ndarray, scores: Scores) -> Iterable[Tied]:
    """All cells whose channels can be cut, those that have to keep counts alike together."""
    channels: dict[int, Counter[tuple[int, ...]]] = {}  # of a set, by layer, and by block of layers that read or write
    for at, layer in enumerate(found.layers):
        for root in roots[layer.numbers].tolist():
            channels.setdefault(root, Counter())[(at,)] += 1
    for at, alike in enumerate(found.sets.alike):
        for block, numbers in enumerate(alike.blocks):
            for root in roots[numbers].tolist():
                channels.setdefault(root, Counter())[at, block] += 1
    cells: dict[frozenset[tuple[tuple[int, ...], int]], list[int]] = {}
    for root, counter in channels.items():
        if root != FIXED:
            cells.setdefault(frozenset(counter.items()), []).append(root)
    ties: list[tuple[set[int], Tied]] = []
    for signature, members in cells.items():
        cell = np.array(members)
        if np.isnan(scores.mean[cell]).any():
            continue
        blocks = {key[0] for key, _ in signature if len(key) > 1}
        joined = [entry for entry in ties if entry[0] & blocks]
        tied = Tied([cell[np.argsort(-scores.mean[cell], kind="stable")]])
        tied.per_set.update({key[0]: count for key, count in signature if len(key) == 1})
        for entry in joined:
            ties.remove(entry)
            blocks |= entry[0]
            tied.cells += entry[1].cells
            tied.per_set.update(entry[1].per_set)
        ties.append((blocks, tied))
    return [tied for _, tied in ties]
