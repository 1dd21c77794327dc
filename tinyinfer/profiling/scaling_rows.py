"""The rows of a scaling report: the same nodes of a network with several numbers of threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinyinfer.graph import Shape
from tinyinfer.profiling.profile_rows import ProfileRow
from tinyinfer.profiling.roofline import Bound

Milliseconds = Mapping[int, float]  # by number of threads


@dataclass(frozen=True)
class ScalingRow:
    """One step, or all steps of one operator or kernel: ``ms`` is the sum of their medians.

    ``label`` is operator and kernel; it, ``shape`` and ``bound`` are those of the most threads.
    """

    name: str
    op: str
    label: str
    shape: Shape
    macs: int
    ms: Milliseconds
    bound: Bound

    @property
    def efficiency(self) -> float:
        """What the step makes of its threads, of 1."""
        return efficiency(self.ms)

    def to_dict(self) -> dict[str, Any]:
        """All fields, each number of threads with one of its own, and the efficiency."""
        fields = {key: value for key, value in vars(self).items() if key != "ms"}
        return {**fields, **{f"ms_{n}": ms for n, ms in self.ms.items()}, "efficiency": self.efficiency}


def efficiency(ms: Milliseconds) -> float:
    """Threads times milliseconds with the fewest threads, over those with the most: 1 where nothing is lost."""
    fewest, most = min(ms), max(ms)
    return fewest * ms[fewest] / (most * ms[most])


def step_rows(sides: Mapping[int, Sequence[ProfileRow]]) -> list[ScalingRow]:
    """One row for every step, by what the plans for several numbers of threads have in it."""
    return [_row(dict(zip(sides, parts, strict=True))) for parts in match(list(sides.values()))]


def match(sides: Sequence[Sequence[ProfileRow]]) -> list[list[list[ProfileRow]]]:
    """The rows of several plans that stand for the same nodes: for each such group those of every plan, in order.

    Threads decide what is fused, so a block of one plan may be several steps of another.
    """
    owner: dict[str, str] = {}  # of a node: another of its group, or itself

    def first(node: str) -> str:
        while owner.setdefault(node, node) != node:
            node = owner[node]
        return node

    for row in (row for side in sides for row in side):
        for node in row.origin:
            owner[first(node)] = first(row.origin[0])
    groups: dict[str, list[list[ProfileRow]]] = {}
    for i, side in enumerate(sides):
        for row in side:
            groups.setdefault(first(row.origin[0]), [[] for _ in sides])[i].append(row)
    return list(groups.values())


def _row(sides: Mapping[int, Sequence[ProfileRow]]) -> ScalingRow:
    shown = sides[max(sides)]
    labels = " + ".join(dict.fromkeys(row.label for row in shown))
    ms = {n: sum(row.ms for row in rows) for n, rows in sides.items()}
    last = shown[-1]
    name = last.name if len(shown) == 1 else last.origin[-1]  # of several one, which may be copies for one concat
    return ScalingRow(name, last.op, labels, last.shape, sum(row.macs for row in shown), ms, last.bound)


def sum_ms(rows: Sequence[ScalingRow]) -> dict[int, float]:
    """All rows' milliseconds, by number of threads."""
    return {n: sum(row.ms[n] for row in rows) for n in rows[0].ms}
