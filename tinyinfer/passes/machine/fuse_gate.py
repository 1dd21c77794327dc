"""Fuse a squeeze-and-excitation gate into the 1x1 convolution behind it, where that has fewer weights than values."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.ops.arithmetic.elementwise import Mul
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.gated_conv2d import GatedConv2d

# values of the map that are multiplied in the time one weight is scaled: with many more pixels than filters much is
# gained by scaling weights, with fewer pixels than filters time is lost, the more of it the more threads there are
WEIGHT_COST = 1.5


def fuse_gate(graph: Graph, types: Mapping[str, TensorType], threads: int = 1) -> Graph:
    """A graph in which such pairs are one `GatedConv2d`; ``types`` are those of the plan's input shapes."""
    graph = graph.copy()
    consumers = graph.consumers()
    for product in [node for node in graph.nodes if isinstance(node.op, Mul)]:
        layer = graph.sole_consumer(product.outputs[0], consumers)
        operands = _map_and_gate(product, types)
        if operands is None or layer is None or not _is_pointwise(graph, layer, types):
            continue
        assert isinstance(layer.op, Conv2d)
        if layer.inputs[0] == product.outputs[0] and _pays(types[layer.inputs[0]], types[layer.outputs[0]], threads):
            gated = layer.replace(
                op=GatedConv2d(layer.op.activation),
                inputs=(*operands, *layer.inputs[1:]),
                origin=product.originals + layer.originals,
            )
            graph.replace_node(layer, gated)
            graph.replace_node(product)
    return graph


def _map_and_gate(product: Node, types: Mapping[str, TensorType]) -> tuple[str, str] | None:
    """The two operands of a product of (N, C, H, W) and (N, C, 1, 1), in this order."""
    for image, gate in (product.inputs, product.inputs[::-1]):
        shape = types[image].shape
        if len(shape) == 4 and shape[2:] != (1, 1) and types[gate].shape == (*shape[:2], 1, 1):
            return image, gate
    return None


def _is_pointwise(graph: Graph, node: Node, types: Mapping[str, TensorType]) -> bool:
    op = node.op
    if not isinstance(op, Conv2d) or op.groups != 1 or op.activation not in FUSED:
        return False
    return op.is_pointwise(types[node.inputs[0]].shape[2:], graph.weights.shape(node.params["weight"])[2:])


def _pays(x: TensorType, y: TensorType, threads: int) -> bool:
    """Whether a thread's share of the pixels outweighs the filters of its images, which it scales all."""
    images, _, height, width = x.shape
    scaled = -(-images // threads) * y.shape[1]
    return images * height * width / threads >= WEIGHT_COST * scaled
