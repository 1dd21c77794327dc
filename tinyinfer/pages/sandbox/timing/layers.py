"""What a node is to the clock: a kind, some sizes, and the work that its time is divided by."""

from __future__ import annotations

import math
from typing import NamedTuple

from tinyinfer.graph import Graph, Node
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.tensor_type import TensorType

# fused into what stands before them, or mere views
FREE = frozenset({"batch_norm", "relu", "relu6", "hardswish", "hardsigmoid", "dropout", "flatten"})


class Layer(NamedTuple):
    """``sizes`` tell layers of a kind apart; ``work`` is mult-adds, or elements moved where there are none."""

    kind: str
    sizes: tuple[int, ...]
    work: int


def layers_of(graph: Graph) -> dict[str, Layer]:
    """By node, for all that may take time."""
    types = graph.infer_types()
    return {node.name: _layer(graph, node, types) for node in graph.nodes if node.op.name not in FREE}


def _layer(graph: Graph, node: Node, types: dict[str, TensorType]) -> Layer:
    x, y = types[node.inputs[0]], types[node.outputs[0]]
    if isinstance(node.op, Conv2d):
        (_, c, *_), (_, m, height, width) = x.shape, y.shape
        return _convolution(graph.param_types(node)["weight"].shape, node.op, int(c), int(m), int(height * width))
    if node.op.name == "linear":
        return Layer("linear", (int(x.shape[1]), int(y.shape[1])), int(x.size * y.shape[1]))
    shuffled = (node.op.groups,) if isinstance(node.op, ChannelShuffle) else ()
    moved = sum(types[value].size for value in (*node.inputs, *node.outputs))
    return Layer(node.op.name, (int(x.shape[1]), math.prod(map(int, x.shape[2:])), *shuffled), int(moved))


def _convolution(weight: tuple[int, ...], op: Conv2d, c: int, m: int, pixels: int) -> Layer:
    """Pointwise and grouped: channels in and out of a group, groups, pixels; else the window and stride as well."""
    kernel, groups, stride = int(weight[2]), op.groups, op.stride[0]
    work = math.prod(map(int, weight)) * pixels
    if groups == c == m > 1:
        return Layer("depthwise", (c, pixels, kernel, stride), work)
    if kernel == 1:
        return Layer("grouped" if groups > 1 else "pointwise", (c // groups, m // groups, groups, pixels), work)
    return Layer("dense", (c, m, pixels, kernel, stride), work)
