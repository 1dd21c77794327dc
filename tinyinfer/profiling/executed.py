"""The graph that a plan runs, for looking at: which step reads what which other has written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tinyinfer.graph import Graph
from tinyinfer.kernels.base import NHWC
from tinyinfer.runtime.plan import Plan

BORDERS = ("input", "output")  # steps that copy what the caller has


def executed_graph(plan: Plan) -> Graph:
    """The plan's nodes in order, without weights, each reading values that others write.

    A plan has no nodes that only say where values lie, as a concat whose parts are written side by side: who reads such
    a value here reads all that was written into it.  Constants have no place in it.
    """
    written = [i.name for i in plan.graph.inputs]
    nodes = []
    for node in (step.node for step in plan.steps if step.node.op.name not in BORDERS):
        sources = (source for value in node.inputs for source in _sources(plan, value, written))
        nodes.append(node.replace(inputs=tuple(dict.fromkeys(sources))))
        written += node.outputs
    outputs = [source for value in plan.graph.outputs for source in _sources(plan, value, written)]
    weights = plan.graph.weights.shapes_only()
    return dataclasses.replace(plan.graph, nodes=nodes, outputs=list(dict.fromkeys(outputs)), weights=weights)


def _sources(plan: Plan, value: str, written: list[str]) -> Iterator[str]:
    """The value itself where it was written, else those written into the place where it lies."""
    if value in written:
        yield value
    elif value not in plan.constants:
        yield from (other for other in written if _overlap(plan, value, other))


def _overlap(plan: Plan, a: str, b: str) -> bool:
    """Whether two values have elements in common."""
    first, second = plan.placements[a], plan.placements[b]
    if first.root != second.root:
        return False
    if first.layout != NHWC or second.layout != NHWC:
        return True
    return _channels(plan, a).start < _channels(plan, b).stop and _channels(plan, b).start < _channels(plan, a).stop


def _channels(plan: Plan, value: str) -> range:
    start = plan.placements[value].offset
    return range(start, start + plan.types[value].shape[1])
