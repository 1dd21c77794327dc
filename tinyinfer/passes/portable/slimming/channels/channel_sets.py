"""Channels by number, and which of them are cut or kept together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FIXED = 0  # the number of all that is never cut


class Channels(NamedTuple):
    """The channels of a value: along ``axis``, element i belongs to the channel ``numbers[i]``."""

    axis: int
    numbers: np.ndarray


class Alike(NamedTuple):
    """Blocks of channels, (blocks, size) numbers, of which as many have to stay in each; ``node`` says so."""

    node: str
    blocks: np.ndarray


class ChannelSets:
    """Numbers in sets that grow together (union-find); the set of `FIXED` stays whole.

    ``keepers`` are the nodes that have put others into it, with what they keep.
    """

    def __init__(self) -> None:
        self._parents = [FIXED]
        self.keepers: dict[str, list[np.ndarray]] = {}
        self.alike: list[Alike] = []

    def fresh(self, count: int) -> np.ndarray:
        """New numbers, each a set by itself."""
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count)

    def unite(self, one: np.ndarray, other: np.ndarray) -> None:
        """Put ``one[i]`` and ``other[i]`` into one set; shapes may broadcast."""
        pairs = np.unique(one * len(self._parents) + other)  # as single integers, which are sorted faster
        for pair in pairs.tolist() if one is not other else ():
            a, b = (self._root(number) for number in divmod(pair, len(self._parents)))
            self._parents[max(a, b)] = min(a, b)

    def keep(self, numbers: np.ndarray, node: str) -> None:
        """Let these channels stay, because of this node."""
        self.keepers.setdefault(node, []).append(numbers)
        self.unite(numbers, np.array(FIXED))

    def same_count(self, node: str, blocks: np.ndarray) -> None:
        """Let as many channels stay in each of these blocks, because of this node."""
        self.alike.append(Alike(node, blocks))

    def roots(self) -> np.ndarray:
        """For every number the least of its set."""
        return np.array([self._root(number) for number in range(len(self._parents))])

    def _root(self, number: int) -> int:
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number
