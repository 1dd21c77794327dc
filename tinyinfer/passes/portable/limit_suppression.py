"""Let non-maximum suppression end when the boxes are found that somebody reads: detectors keep the best 100 or 300."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.base import axis
from tinyinfer.ops.detection.non_max_suppression import NonMaxSuppression
from tinyinfer.ops.movement.joining import IndexSelect
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.movement.views import Squeeze

BY_ELEMENT = ("maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge")


def limit_suppression(graph: Graph) -> Graph:
    """A graph in which suppression selects no more boxes than are read.

    Of several classes or pictures nothing is known: rows are those of one after the other, however many each has.
    """
    found = [node for node in graph.nodes if isinstance(node.op, NonMaxSuppression)]
    if not found:
        return graph
    graph, types, readers = graph.copy(), graph.symbolic_types(), graph.consumers()
    for node in found:
        op, scores = node.op, types[node.inputs[1]]
        assert isinstance(op, NonMaxSuppression)
        rows = _rows_read(graph, node.outputs[0], types, readers) if scores.shape[:2] == (1, 1) else None
        if rows is not None and rows < op.max_output_boxes:
            graph.replace_node(node, node.replace(op=dataclasses.replace(op, max_output_boxes=rows)))
    return graph


def _rows_read(
    graph: Graph, value: str, types: Mapping[str, TensorType], readers: Mapping[str, list[Node]]
) -> int | None:
    """How many of a value's first rows are read; None where it may be all of them."""
    if value in graph.outputs:
        return None
    most = 0
    for node in readers.get(value, []):
        rows = _of_slice(node, value, types)
        if rows is None and _keeps_rows(node, value, types):
            rows = _rows_read(graph, node.outputs[0], types, readers)
        if rows is None:
            return None
        most = max(most, rows)
    return most or None


def _of_slice(node: Node, value: str, types: Mapping[str, TensorType]) -> int | None:
    """Where a slice of the first rows ends."""
    if not isinstance(node.op, Slice):
        return None
    cut = node.op.cuts(len(types[value].shape)).get(0)
    forward = cut is not None and cut.step > 0 and cut.start >= 0 and cut.stop is not None and cut.stop > 0
    return cut.stop if cut is not None and forward else None


def _keeps_rows(node: Node, value: str, types: Mapping[str, TensorType]) -> bool:
    """Whether each row of the node's result follows from the row of the value in its place."""
    op, rank = node.op, len(types[value].shape)
    if isinstance(op, Slice):
        return 0 not in op.cuts(rank)
    if isinstance(op, IndexSelect):
        return axis(op.dim, rank) != 0
    if isinstance(op, Squeeze):
        return 0 not in (axis(dim, rank) for dim in op.dim)
    others = [other for other in node.inputs if other != value]
    return op.name in BY_ELEMENT and all(types[other].shape == () for other in others)
