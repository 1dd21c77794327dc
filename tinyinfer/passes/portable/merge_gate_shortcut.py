"""Give gates of channels the shortcut around them: x + x * gate is x times a gate that is 1 more.

One pass over the map instead of two: EncNet has such gates, and the necks of PP-OCR.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.arithmetic.elementwise import Add, Mul
from tinyinfer.ops.normalization.scale_shift import ScaleShift


def merge_gate_shortcut(graph: Graph) -> Graph:
    """A graph in which no map is added to its own product with one number a channel."""
    sums = [node for node in graph.nodes if isinstance(node.op, Add) and node.op.activation is None]
    if not sums or not any(isinstance(node.op, Mul) for node in graph.nodes):
        return graph
    graph = graph.copy()
    types, producers, consumers = graph.infer_types(), graph.producers(), graph.consumers()
    values, names = set(types), {node.name for node in graph.nodes}
    for total in sums:
        for x, product in (total.inputs, total.inputs[::-1]):
            multiplied = producers.get(product)
            gate = None if multiplied is None else _gate(multiplied, x, types)
            if multiplied is None or gate is None or graph.sole_consumer(product, consumers) is not total:
                continue
            more = free_name(f"{gate}:more", values | names)
            values.add(more)
            one_more = Node(more, ScaleShift((1.0,), (1.0,)), (gate,), (more,), origin=multiplied.originals)
            graph.replace_node(multiplied, one_more)
            graph.replace_node(total, total.replace(op=Mul(), inputs=(x, more)))
            break
    return graph


def _gate(product: Node, x: str, types: Mapping[str, TensorType]) -> str | None:
    """The other factor of a product of an image, if it is (N, C, 1, 1) for (N, C, H, W)."""
    if not isinstance(product.op, Mul) or x not in product.inputs:
        return None
    gate = product.inputs[1 - product.inputs.index(x)]
    image, numbers = types[x], types[gate]
    fits = len(image.shape) == 4 and numbers.shape == (*image.shape[:2], 1, 1) and numbers.dtype == "float32"
    return gate if fits and image.shape[2:] != (1, 1) else None
