"""Merge nodes that compute the same from the same values: each branch of a searched cell brings a ReLU of its own.

Each that is left out saves a pass over a map, and a buffer to keep its outputs in.
"""

from __future__ import annotations

from tinyinfer.graph import Graph, Node


def eliminate_common_subexpressions(graph: Graph) -> Graph:
    """A graph in which of several such nodes the first serves all; those with weights and graph outputs stay."""
    graph = graph.copy()
    first: dict[tuple[object, ...], Node] = {}
    twins: dict[str, str] = {}  # a value that is no longer computed, and the one instead
    origins: dict[str, tuple[str, ...]] = {}
    for node in graph.topological_order():
        node = node.replace(inputs=tuple(twins.get(value, value) for value in node.inputs))
        alone = node.params or any(value in graph.outputs for value in node.outputs)
        key = (node.name,) if alone else (node.op, node.inputs)
        same = first.setdefault(key, node)
        twins.update(zip(node.outputs, same.outputs, strict=True))
        origins[same.name] = origins.get(same.name, ()) + node.originals
    graph.nodes = [node.replace(origin=origins[node.name]) for node in first.values()]
    return graph
