"""Work out once what depends on no input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.base import Op
from tinyinfer.ops.constant import Constant
from tinyinfer.ops.known_values import as_sizes, is_open, work_out
from tinyinfer.ops.shape import Shape

MOST_ELEMENTS = 2**22  # that one pass may make: a file of few bytes can ask for any number


def fold_constants(graph: Graph) -> Graph:
    """A graph in which nodes that read nothing but constants are constants, worked out by their references.

    So are sizes that no input changes: what is computed from the shape of a value is followed through operators that
    do not mind that some sizes are known by name only (`Op.follows_sizes`), and is a constant if none of those is left.
    """
    if not any(isinstance(node.op, Constant | Shape) for node in graph.nodes):
        return graph
    graph = graph.copy()
    known = _Known(graph)
    for node in graph.topological_order():
        values = known.evaluate(node)
        if values is not None and not isinstance(node.op, Constant) and not any(map(is_open, values)):
            graph.replace_node(node, *_constants(graph, node, values, known.types))
    graph.remove_dead()
    return graph


class _Known:
    """Values that do not depend on the elements of any input: arrays, or arrays of objects where some are `Dim`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.types = graph.symbolic_types()
        self._values: dict[str, np.ndarray] = {}
        self._left = MOST_ELEMENTS

    def evaluate(self, node: Node) -> list[np.ndarray] | None:
        """The values of a node where they are known, which is remembered."""
        types = [self.types[value] for value in node.outputs]
        values = self._compute(node, types)
        if values is not None:
            self._values.update(zip(node.outputs, values, strict=True))
        return values

    def _compute(self, node: Node, types: Sequence[TensorType]) -> list[np.ndarray] | None:
        params = self._graph.param_arrays(node)
        if isinstance(node.op, Constant):
            return [params["value"]]
        if isinstance(node.op, Shape):
            return [as_sizes(self.types[node.inputs[0]].shape)]
        if not node.inputs or any(value not in self._values for value in node.inputs):
            return None
        inputs = [self._values[value] for value in node.inputs]
        if not any(map(is_open, inputs)):
            size = sum(t.size for t in types)
            if size > self._left:
                return None
            self._left -= size
        return work_out(cast(Op, node.op), inputs, params, types)


def _constants(graph: Graph, node: Node, values: Sequence[np.ndarray], types: Mapping[str, TensorType]) -> list[Node]:
    """A constant for each value of a node; the first has the node's name."""
    made, name = [], node.name
    for value, array in zip(node.outputs, values, strict=True):
        key = free_name(f"{value}:constant", graph.weights)
        graph.weights[key] = array
        op = Constant.of(types[value].quant)
        made.append(Node(name, op, (), (value,), {"value": key}, node.originals))
        name = free_name(value, {other.name for other in (*graph.nodes, *made)})
    return made
