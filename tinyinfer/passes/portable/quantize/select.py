"""Which nodes of a prepared network compute with 8-bit codes, and which values have them."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import eq

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.base import Op
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d
from tinyinfer.ops.convolution.linear import Linear

ARITHMETIC = frozenset({"add", "sub", "mul"})

MEANS = frozenset({"avg_pool2d", "adaptive_avg_pool2d"})

MOVEMENT = frozenset(
    {"channel_shuffle", "concat", "expand", "flatten", "identity", "index_select", "interleave", "pad", "permute"}
    | {"pixel_shuffle", "pixel_unshuffle", "reshape", "slice", "split", "squeeze", "tile", "unsqueeze"}
    | {"max_pool2d", "adaptive_max_pool2d", "interpolate", "resize"}
)
"""What gives back elements of its inputs, or what lies between some, so that all share one scale."""

SLOPES = "prelu"

RESIZES = ("nearest", "linear", "bilinear")  # modes that stay between the elements: cubic ones overshoot

FUNCTIONS = frozenset(
    {"relu", "relu6", "sigmoid", "hardsigmoid", "hardswish", "silu", "tanh", "mish", "selu", "softsign", "logsigmoid"}
    | {"tanhshrink", "gelu", "leaky_relu", "elu", "celu", "softplus", "hardtanh", "hardshrink", "softshrink"}
    | {"threshold", "clamp", "abs", "neg", "erf"}
)
"""What is a function of single elements, finite for finite ones: a table of 256 values."""


@dataclass(frozen=True)
class Selection:
    """Names of the ``nodes`` that compute with codes, and the ``values`` that are codes."""

    nodes: frozenset[str]
    values: frozenset[str]


def select(graph: Graph, types: Mapping[str, TensorType], keep: Sequence[str] = ()) -> Selection:
    """All layers, and what has a quantised form on the way to one.

    What comes behind the last layer, as the decoding of boxes does, stays real numbers, and so do the nodes that
    ``keep`` names by patterns: of their own names, or of those of the nodes that they are made of.  Raises InputError
    for a pattern that fits nothing.
    """
    kept = {node.name for pattern in keep for node in matching_nodes(graph, pattern)}
    consumers = graph.consumers()
    nodes: set[str] = set()
    ahead: set[str] = set()  # values on the way to a layer
    for node in reversed(graph.topological_order()):
        on_the_way = any(value in ahead for value in node.outputs)
        possible = node.name not in kept and has_quantized_form(node, types)
        if possible and (is_layer(node) or on_the_way):
            nodes.add(node.name)
        if node.name in nodes or on_the_way:
            ahead.update(node.inputs)
    return Selection(frozenset(nodes), frozenset(_coded(graph.nodes, nodes, consumers)))


def _coded(order: Iterable[Node], nodes: set[str], consumers: Mapping[str, list[Node]]) -> Iterable[str]:
    """Values that selected nodes read, and those that movements and tables can only make as codes."""
    for node in order:
        if node.name in nodes:
            yield from node.inputs
            if node.op.name in MOVEMENT | FUNCTIONS:
                yield from node.outputs


def matching_nodes(graph: Graph, pattern: str) -> list[Node]:
    """The nodes that are called so, or stand for one that was; else those that the pattern fits."""
    found = _nodes(graph, partial(eq, pattern)) or _nodes(graph, partial(_fits, pattern))
    if not found:
        raise InputError(f"keep: no node is called {pattern!r}")
    return found


def _nodes(graph: Graph, wanted: Callable[[str], bool]) -> list[Node]:
    return [node for node in graph.nodes if any(map(wanted, (node.name, *node.originals, *node.outputs)))]


def _fits(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)


def is_layer(node: Node) -> bool:
    """Whether a node has weights that become 8 bits."""
    return isinstance(node.op, Conv2d | ConvTranspose2d | Linear)


def is_movement(node: Node) -> bool:
    """Whether a node's inputs and outputs share one scale."""
    return node.op.name in MOVEMENT


def has_quantized_form(node: Node, types: Mapping[str, TensorType]) -> bool:
    """Whether there is an operator on codes for what a node computes."""
    op = node.op
    assert isinstance(op, Op)
    if any(types[value].dtype != "float32" for value in (*node.inputs, *node.outputs)):
        return False
    if isinstance(op, Conv2d):
        return op.padding_mode == "zeros" and len(node.inputs) == 1
    if isinstance(op, ConvTranspose2d | Linear):
        return len(node.inputs) == 1
    if op.name in MOVEMENT:
        between = op.name == "pad" or getattr(op, "mode", "nearest").startswith(RESIZES)
        return "uint8" in op.dtypes and between and not node.params
    return op.name in ARITHMETIC | MEANS | FUNCTIONS | {SLOPES}
