"""Decide where each value lies in memory: NHWC, and inside another value's buffer where that saves a copy.

The inputs of a channel concat are written straight into its output; the outputs of a channel split and of a
flatten of 1x1 maps are read where they already lie.  The nodes that only moved data then have nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyinfer.graph import Graph, Node, Shape, TensorType
from tinyinfer.kernels.base import image_dims
from tinyinfer.ops.base import axis
from tinyinfer.ops.joining import Concat, Split
from tinyinfer.ops.views import Flatten

# with pixels a multiple of 1 KiB apart, those of a window fall into four sets of the L1 cache or fewer and do not stay
# there: a depthwise layer of 14x14x512 takes 2.1 times as long (MobileNet V1 0.98 of the time); at 4 KiB the rows
# of a GEMM tile do so too (88 instead of 115 GFLOP/s)
CONFLICTING_CHANNELS = 256
EXTRA_CHANNELS = 16


@dataclass(frozen=True)
class Placement:
    """A value lies in the buffer of ``root``, ``offset`` floats from its start, its pixels ``pixel_stride`` apart."""

    root: str
    offset: int
    pixel_stride: int


def assign_layout(graph: Graph, types: Mapping[str, TensorType]) -> tuple[Graph, dict[str, Placement]]:
    """The graph without the nodes that placement made superfluous, and the placement of every value."""
    graph = graph.copy()
    parents: dict[str, tuple[str, int]] = {}  # value -> (value it lies in, channel offset)
    fixed = {i.name for i in graph.inputs}
    for node in list(graph.nodes):
        inside = _as_view(node, types) or _as_concat(node, types, parents, fixed)
        if inside and not any(value in parents for value in inside):
            parents.update(inside)
            graph.replace_node(node)
    return graph, {value: _place(value, types, parents) for value in types}


def _as_view(node: Node, types: Mapping[str, TensorType]) -> dict[str, tuple[str, int]] | None:
    """Outputs that are part of the node's input as it lies."""
    shape = types[node.inputs[0]].shape
    if isinstance(node.op, Split) and len(shape) == 4 and axis(node.op.dim, 4) == 1:
        channels = [types[value].shape[1] for value in node.outputs]
        return {v: (node.inputs[0], sum(channels[:i])) for i, v in enumerate(node.outputs)}
    if isinstance(node.op, Flatten) and shape[2:] == (1, 1) and types[node.outputs[0]].shape == shape[:2]:
        return {node.outputs[0]: (node.inputs[0], 0)}
    return None


def _as_concat(
    node: Node, types: Mapping[str, TensorType], parents: Mapping[str, tuple[str, int]], fixed: set[str]
) -> dict[str, tuple[str, int]] | None:
    """Inputs that can be written into the concat's output; None unless all can."""
    rank = len(types[node.outputs[0]].shape)
    if not isinstance(node.op, Concat) or rank != 4 or axis(node.op.dim, rank) != 1:
        return None
    free = all(v not in parents and v not in fixed for v in node.inputs)
    if not free or len(set(node.inputs)) < len(node.inputs):
        return None
    channels = [types[value].shape[1] for value in node.inputs]
    return {v: (node.outputs[0], sum(channels[:i])) for i, v in enumerate(node.inputs)}


def _place(value: str, types: Mapping[str, TensorType], parents: Mapping[str, tuple[str, int]]) -> Placement:
    root, offset = value, 0
    while root in parents:
        root, step = parents[root]
        offset += step
    return Placement(root, offset, pixel_stride_of(types[root].shape))


def pixel_stride_of(shape: Shape) -> int:
    """Floats between the pixels of a buffer of this shape."""
    n, c, h, w = image_dims(shape)
    conflicts = len(shape) == 4 and c % CONFLICTING_CHANNELS == 0 and n * h * w > 1
    return c + EXTRA_CHANNELS if conflicts else c


def buffer_size(shape: Shape) -> int:
    """Floats of a buffer of this shape."""
    n, _, h, w = image_dims(shape)
    return n * h * w * pixel_stride_of(shape)
