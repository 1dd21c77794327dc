"""Fuse a residual addition into the layer that computes one of its terms."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.dim import expression_of
from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.arithmetic.elementwise import Add
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear


def fuse_residual(graph: Graph) -> Graph:
    """A graph in which ``add(layer(x), r)`` is ``layer(x, r)``: the sum is added while it is still in registers.

    Where both terms come from layers, the one computed last takes the other.
    """
    graph = graph.copy()
    graph.nodes = graph.topological_order()
    sums = [node for node in graph.nodes if isinstance(node.op, Add) and node.op.activation is None]
    if not sums:
        return graph
    types = graph.symbolic_types()
    consumers = graph.consumers()
    for add in sums:
        layer = _layer_for(graph, add, types, consumers)
        if layer is None:
            continue
        other = add.inputs[1] if add.inputs[0] == layer.outputs[0] else add.inputs[0]
        fused = layer.replace(
            inputs=(layer.inputs[0], other), outputs=add.outputs, origin=layer.originals + add.originals
        )
        graph.replace_node(layer)  # it moves to where both its inputs are known
        graph.replace_node(add, fused)
        consumers = graph.consumers()
    return graph


def same_at_every_size(a: TensorType, b: TensorType) -> bool:
    """Whether two values have one shape at all sizes: shapes may be equal at one size and broadcast at the next."""
    return len(a.shape) == len(b.shape) and all(
        expression_of(m) == expression_of(n) for m, n in zip(a.shape, b.shape, strict=True)
    )


def _layer_for(
    graph: Graph, add: Node, types: Mapping[str, TensorType], consumers: Mapping[str, list[Node]]
) -> Node | None:
    a, b = add.inputs
    if a == b or not same_at_every_size(types[a], types[b]):
        return None
    order = {node.outputs[0]: (i, node) for i, node in enumerate(graph.nodes)}
    candidates = [order[value] for value in add.inputs if value in order]
    for _, layer in sorted(candidates, key=lambda item: -item[0]):
        plain = isinstance(layer.op, Conv2d | Linear) and len(layer.inputs) == 1 and layer.op.activation is None
        if plain and graph.sole_consumer(layer.outputs[0], consumers) is add:
            return layer
    return None
