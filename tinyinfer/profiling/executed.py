"""The graph that a plan runs, for looking at: which step reads what which other has written."""

from __future__ import annotations

import dataclasses

from tinyinfer.graph import Graph, Node
from tinyinfer.kernels.base import NHWC
from tinyinfer.ops.movement.joining import Concat
from tinyinfer.runtime.plan import Plan

BORDERS = ("input", "output")  # steps that copy what the caller has


def executed_graph(plan: Plan) -> Graph:
    """The plan's nodes in order, without weights, each reading values that others write.

    A plan has no nodes that only say where values lie, as a concat whose parts are written side by side: it comes back
    here where it joins several values.  Constants have no place in it.
    """
    return _Follower(plan).graph()


class _Follower:
    """Follows values that lie inside others to those that were written there."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.known = [i.name for i in plan.graph.inputs]  # values that are written, or joined of such
        self.nodes: list[Node] = []

    def graph(self) -> Graph:
        for node in (step.node for step in self.plan.steps if step.node.op.name not in BORDERS):
            sources = [source for value in node.inputs if (source := self._source(value))]
            self.nodes.append(node.replace(inputs=tuple(dict.fromkeys(sources))))
            self.known += node.outputs
        outputs = [source for value in self.plan.graph.outputs if (source := self._source(value))]
        weights = self.plan.graph.weights.shapes_only()
        return dataclasses.replace(
            self.plan.graph, nodes=self.nodes, outputs=list(dict.fromkeys(outputs)), weights=weights
        )

    def _source(self, value: str) -> str:
        """What is read where this value is: itself, what it is a part of, or a join of its parts; "" for constants."""
        if value in self.known or value in self.plan.constants:
            return value if value in self.known else ""
        parts = self._parts(value)
        if len(parts) < 2:
            return parts[0] if parts else ""
        self.nodes.append(Node(value, Concat(dim=1), tuple(parts), (value,)))
        self.known.append(value)
        return value

    def _parts(self, value: str) -> list[str]:
        """Values that are known and cover its channels, as few as will do."""
        wanted = set(self._channels(value))
        found = []
        for other in sorted(self._neighbours(value), key=lambda other: -len(self._channels(other))):
            if not wanted.isdisjoint(self._channels(other)):
                found.append(other)
                wanted.difference_update(self._channels(other))
        return sorted(found, key=self.known.index)

    def _neighbours(self, value: str) -> list[str]:
        """Those in the same memory, last written first."""
        root = self.plan.placements[value].root
        return [other for other in reversed(self.known) if self.plan.placements[other].root == root]

    def _channels(self, value: str) -> range:
        """Which of its root's channels a value is; rows are one."""
        place = self.plan.placements[value]
        if place.layout != NHWC:
            return range(1)
        return range(place.offset, place.offset + self.plan.types[value].shape[1])
