"""Fuse a residual addition into the layer that computes one of its terms."""

from __future__ import annotations

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.passes.fold_batch_norm import origin

FUSABLE_LAYERS = ("conv2d", "linear")


def fuse_residual(graph: Graph) -> Graph:
    """A graph in which ``add(layer(x), r)`` is ``layer(x, r)``: the sum is added while it is still in registers.

    Where both terms come from layers, the one computed last takes the other.
    """
    graph = graph.copy()
    graph.nodes = graph.topological_order()
    types = graph.infer_types()
    consumers = graph.consumers()
    for add in [node for node in graph.nodes if node.op.name == "add" and len(node.inputs) == 2]:
        layer = _layer_for(graph, add, types, consumers)
        if layer is None or getattr(add.op, "activation", None) is not None:
            continue
        other = add.inputs[1] if add.inputs[0] == layer.outputs[0] else add.inputs[0]
        fused = layer.replace(inputs=(layer.inputs[0], other), outputs=add.outputs, origin=origin(layer) + origin(add))
        graph.replace_node(layer)  # it moves to where both its inputs are known
        graph.replace_node(add, fused)
        consumers = graph.consumers()
    return graph


def _layer_for(graph: Graph, add: Node, types: dict[str, TensorType], consumers: dict[str, list[Node]]) -> Node | None:
    if types[add.inputs[0]] != types[add.inputs[1]] or add.inputs[0] == add.inputs[1]:
        return None
    order = {node.outputs[0]: (i, node) for i, node in enumerate(graph.nodes)}
    candidates = [order[value] for value in add.inputs if value in order]
    for _, layer in sorted(candidates, key=lambda item: -item[0]):
        free = len(layer.inputs) == 1 and getattr(layer.op, "activation", None) is None
        if layer.op.name in FUSABLE_LAYERS and free and graph.sole_consumer(layer.outputs[0], consumers) is add:
            return layer
    return None
