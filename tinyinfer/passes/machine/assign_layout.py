"""Decide where each value lies in memory: NHWC, and inside another value's buffer where that saves a copy.

The inputs of a channel concat are written straight into its output; the outputs of a channel split and of a
flatten of 1x1 maps are read where they already lie.  The nodes that only moved data then have nothing to do.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tinyinfer.graph import Graph, Node, Shape, TensorType, free_name
from tinyinfer.kernels.base import image_dims
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.joining import Concat, Split
from tinyinfer.ops.movement.views import Flatten

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


def assign_layout(
    graph: Graph, types: Mapping[str, TensorType]
) -> tuple[Graph, dict[str, TensorType], dict[str, Placement]]:
    """The graph without the nodes that placement made superfluous, and type and placement of every value.

    What of a concat lies elsewhere is copied by itself, by a concat of one value into a value of its own.
    """
    graph, types = graph.copy(), dict(types)
    parents: dict[str, tuple[str, int]] = {}  # value -> (value it lies in, channel offset)
    fixed = {i.name for i in graph.inputs}
    for node in list(graph.nodes):
        inside = _as_view(node, types) or _as_concat(node, types)
        if inside and inside.keys().isdisjoint(parents.keys() | fixed):
            parents |= inside
            graph.replace_node(node)
    # last, as a value that lies in one concat has to be copied to every other
    for node in [node for node in graph.nodes if _joins_channels(node, types)]:
        copies = _copies(node, parents.keys() | fixed, types.keys() | {other.name for other in graph.nodes})
        if 0 < len(copies) < len(node.inputs):
            types |= {copy.outputs[0]: types[copy.inputs[0]] for copy in copies.values()}
            parts = tuple(copies[i].outputs[0] if i in copies else value for i, value in enumerate(node.inputs))
            parents |= _as_concat(node.replace(inputs=parts), types) or {}
            graph.replace_node(node, *copies.values())
    return graph, types, {value: _place(value, types, parents) for value in types}


def _as_view(node: Node, types: Mapping[str, TensorType]) -> dict[str, tuple[str, int]] | None:
    """Outputs that are part of the node's input as it lies."""
    if not node.inputs:
        return None
    shape = types[node.inputs[0]].shape
    if isinstance(node.op, Split) and len(shape) == 4 and axis(node.op.dim, 4) == 1:
        return {v: (node.inputs[0], at) for v, at in zip(node.outputs, _starts(node.outputs, types), strict=True)}
    if isinstance(node.op, Flatten) and shape[2:] == (1, 1) and types[node.outputs[0]].shape == shape[:2]:
        return {node.outputs[0]: (node.inputs[0], 0)}
    return None


def _as_concat(node: Node, types: Mapping[str, TensorType]) -> dict[str, tuple[str, int]] | None:
    """Inputs that can be written into the concat's output; None where one comes twice."""
    if not _joins_channels(node, types) or len(set(node.inputs)) < len(node.inputs):
        return None
    return {v: (node.outputs[0], at) for v, at in zip(node.inputs, _starts(node.inputs, types), strict=True)}


def _joins_channels(node: Node, types: Mapping[str, TensorType]) -> bool:
    rank = len(types[node.outputs[0]].shape)
    return isinstance(node.op, Concat) and rank == 4 and axis(node.op.dim, rank) == 1


def _copies(node: Node, taken: AbstractSet[str], used: AbstractSet[str]) -> dict[int, Node]:
    """For each input of a concat that can't be written into its output, by number, a node that copies it there.

    It and its value are named after the concat, by a name that is not ``used``.
    """
    copies = {}
    for i, value in enumerate(node.inputs):
        if value in taken or value in node.inputs[:i]:
            name = free_name(f"{node.name}[{i}]", used)
            copies[i] = node.replace(name=name, inputs=(value,), outputs=(name,), origin=node.originals)
    return copies


def _starts(values: Sequence[str], types: Mapping[str, TensorType]) -> list[int]:
    """Where the channels of values begin that lie side by side."""
    return list(itertools.accumulate([types[value].shape[1] for value in values[:-1]], initial=0))


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
