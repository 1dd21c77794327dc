"""Which layers read which, and what follows: regions with one way in and one way out, and what can be folded.

Regions as in Johnson, Pearson and Pingali, "The Program Structure Tree: Computing Control Regions in Linear Time"
(1994), found by the dominators of joins (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm", 2001).
"""

from __future__ import annotations

import functools
import heapq
import operator
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

INPUT = -1  # stands before all layers that read what the network is given
CELL_PARTS = 3  # that the end of a cell joins, at least: sums within it have two

Group = tuple[int, ...]  # positions of layers, ascending


class Piece(Protocol):
    """What can be wired: a layer, or a card of a drawing."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def before(self) -> Sequence[int]:
        """The positions of those that it reads, all before its own."""
        ...

    @property
    def text(self) -> str:
        """What it does, norm and activation included."""
        ...

    @property
    def main(self) -> str:
        """What its first operator does."""
        ...


class Wiring:
    """Layers by position; sets of them are the bits of integers where many are compared.

    ``entries`` are those that read what the network is given, ``exits`` those that it gives.
    """

    def __init__(self, layers: Sequence[Piece], entries: AbstractSet[int], exits: AbstractSet[int]) -> None:
        self.before = [layer.before for layer in layers]
        self.exits = exits
        self.readers: list[list[int]] = [[] for _ in layers]
        self.above: list[int] = []  # all that a layer depends on
        self.given: list[bool] = []  # whether it depends on an input: constants and what is made of them do not
        self.dominators: list[int] = []  # the last layer that all paths from the inputs come through
        for at, layer in enumerate(layers):
            for i in layer.before:
                self.readers[i].append(at)
            self.above.append(_union(self.above[i] | 1 << i for i in layer.before))
            paths = [i for i in layer.before if self.given[i]]
            if at in entries:
                paths.append(INPUT)
            self.given.append(bool(paths))
            self.dominators.append(functools.reduce(self._meet, paths) if paths else INPUT)

    def regions(self) -> Iterator[Group]:
        """What lies between a layer that all paths to a join come through and the join, unless others read it too."""
        for join, entry in enumerate(self.dominators):
            if entry != INPUT and sum(self.given[i] for i in self.before[join]) > 1:
                inside = self._between(entry, join)
                left = inside - {join}
                if left.isdisjoint(self.exits) and all(inside.issuperset(self.readers[i]) for i in left):
                    yield tuple(sorted(inside))

    def cells(self) -> Iterator[Group]:
        """What each join of three layers or more needs that no such join before it needs, in order.

        A cell of a searched network reads the last two, so that it is no region.
        """
        known = 0
        for join, before in enumerate(self.before):
            if sum(self.given[i] for i in before) >= CELL_PARTS:
                fresh = (self.above[join] | 1 << join) & ~known
                yield tuple(i for i in range(join + 1) if fresh >> i & 1)
                known |= fresh

    def is_convex(self, group: Group) -> bool:
        """Whether no layer outside of a group stands between two of it."""
        members = _union(1 << i for i in group)
        needed = _union(self.above[i] for i in group) & ~members
        return not any(needed >> i & 1 and self.above[i] & members for i in range(group[0], group[-1]))

    def order(self, groups: Iterable[Group]) -> list[Group] | None:
        """Groups, and all other layers as groups of one, each behind what it reads; None if there is no such order."""
        whole = {i: group for group in groups for i in group}
        parts = list(dict.fromkeys(whole.get(i, (i,)) for i in range(len(self.before))))
        owner = {i: at for at, part in enumerate(parts) for i in part}
        readers = [{owner[j] for i in part for j in self.readers[i]} - {at} for at, part in enumerate(parts)]
        waiting = [0] * len(parts)
        for reader in (reader for found in readers for reader in found):
            waiting[reader] += 1
        ready = [at for at, count in enumerate(waiting) if count == 0]
        order = []
        while ready:  # a heap, so that the order of the layers is kept where it can be
            at = heapq.heappop(ready)
            order.append(parts[at])
            for reader in readers[at]:
                waiting[reader] -= 1
                if waiting[reader] == 0:
                    heapq.heappush(ready, reader)
        return order if len(order) == len(parts) else None

    def _meet(self, a: int, b: int) -> int:
        while a != b:
            a, b = (self.dominators[a], b) if a > b else (a, self.dominators[b])
        return a

    def _between(self, entry: int, join: int) -> set[int]:
        inside, waiting = {join}, [join]
        while waiting:
            new = [i for i in self.before[waiting.pop()] if i not in inside and i != entry]
            inside.update(new)
            waiting += new
        return inside


def _union(sets: Iterable[int]) -> int:
    return functools.reduce(operator.or_, sets, 0)
