"""Decide where each value lies in memory: inside another value's buffer where that saves a copy.

The inputs of a channel concat are written straight into its output; the outputs of a channel split, of a flatten of 1x1
maps and of a reshaping of rows are read where they already lie.  The nodes that only moved data then have nothing to
do, nor have constants, which lie in memory of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.kernels.base import NHWC, ROWS, Layout, pixel_dims
from tinyinfer.ops.base import axis
from tinyinfer.ops.constant import Constant
from tinyinfer.ops.movement.joining import Concat, Split
from tinyinfer.ops.movement.views import Flatten, View
from tinyinfer.tensor_type import itemsize

# with pixels a multiple of 1 KiB apart, those of a window fall into four sets of the L1 cache or fewer and do not stay
# there: a depthwise layer of 14x14x512 takes twice as long; at 4 KiB the rows of a GEMM tile do so too
CONFLICTING_BYTES = 1024
EXTRA_BYTES = 64


@dataclass(frozen=True)
class Placement:
    """A value lies in the buffer of ``root``, ``offset`` elements from its start, its pixels ``pixel_stride`` apart."""

    root: str
    offset: int
    pixel_stride: int
    layout: Layout


def assign_layout(
    graph: Graph, types: Mapping[str, TensorType], layouts: Mapping[str, Layout]
) -> tuple[Graph, dict[str, TensorType], dict[str, Placement]]:
    """The graph without the nodes that placement made superfluous, and type and placement of every value.

    ``layouts`` are those of `choose_layouts`.  What of a concat lies elsewhere is copied by itself, by a concat of one
    value into a value of its own.
    """
    graph, types, layouts = graph.copy(), dict(types), dict(layouts)
    parents: dict[str, tuple[str, int]] = {}  # value -> (value it lies in, offset)
    constants = [node for node in graph.nodes if isinstance(node.op, Constant)]
    fixed = {i.name for i in graph.inputs} | {node.outputs[0] for node in constants}
    for node in list(graph.nodes):
        inside = _as_view(node, types, layouts, parents) or _as_concat(node, types, layouts)
        if inside and inside.keys().isdisjoint(parents.keys() | fixed):
            parents |= inside
            graph.replace_node(node)
    # last, as a value that lies in one concat has to be copied to every other
    for node in [node for node in graph.nodes if _joins_channels(node, types, layouts)]:
        copies = _copies(node, parents.keys() | fixed, types.keys() | {other.name for other in graph.nodes})
        if 0 < len(copies) < len(node.inputs):
            types |= {copy.outputs[0]: types[copy.inputs[0]] for copy in copies.values()}
            layouts |= {copy.outputs[0]: NHWC for copy in copies.values()}
            parts = tuple(copies[i].outputs[0] if i in copies else value for i, value in enumerate(node.inputs))
            parents |= _as_concat(node.replace(inputs=parts), types, layouts) or {}
            graph.replace_node(node, *copies.values())
    for node in constants:
        graph.replace_node(node)
    return graph, types, {value: _place(value, types, layouts, parents) for value in types}


def _as_view(
    node: Node,
    types: Mapping[str, TensorType],
    layouts: Mapping[str, Layout],
    parents: Mapping[str, tuple[str, int]],
) -> dict[str, tuple[str, int]] | None:
    """Outputs that are part of the node's input as it lies."""
    if not node.inputs:
        return None
    x, shape = node.inputs[0], types[node.inputs[0]].shape
    if layouts[x] == NHWC:
        images = all(layouts[value] == NHWC for value in node.outputs)
        if isinstance(node.op, Split) and images and axis(node.op.dim, 4) == 1:
            return {v: (x, at) for v, at in zip(node.outputs, _starts(node.outputs, types), strict=True)}
        if isinstance(node.op, Flatten) and shape[2:] == (1, 1) and types[node.outputs[0]].shape == shape[:2]:
            return {node.outputs[0]: (x, 0)}
    elif isinstance(node.op, View) and layouts[_root(x, parents)[0]] == layouts[node.outputs[0]] == ROWS:
        return {node.outputs[0]: (x, 0)}  # rows that lie in images have gaps between them
    return None


def _as_concat(
    node: Node, types: Mapping[str, TensorType], layouts: Mapping[str, Layout]
) -> dict[str, tuple[str, int]] | None:
    """Inputs that can be written into the concat's output; None where one comes twice."""
    if not _joins_channels(node, types, layouts) or len(set(node.inputs)) < len(node.inputs):
        return None
    return {v: (node.outputs[0], at) for v, at in zip(node.inputs, _starts(node.inputs, types), strict=True)}


def _joins_channels(node: Node, types: Mapping[str, TensorType], layouts: Mapping[str, Layout]) -> bool:
    images = all(layouts[value] == NHWC for value in (*node.inputs, *node.outputs))
    return isinstance(node.op, Concat) and images and axis(node.op.dim, len(types[node.outputs[0]].shape)) == 1


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


def _place(
    value: str,
    types: Mapping[str, TensorType],
    layouts: Mapping[str, Layout],
    parents: Mapping[str, tuple[str, int]],
) -> Placement:
    root, offset = _root(value, parents)
    inner = root if layouts[root] == NHWC else value  # the pixels of a part are as far apart as those of the whole
    return Placement(root, offset, pixel_stride_of(types[inner], layouts[inner]), layouts[value])


def _root(value: str, parents: Mapping[str, tuple[str, int]]) -> tuple[str, int]:
    """The value in whose buffer one lies, and where in it."""
    offset = 0
    while value in parents:
        value, step = parents[value]
        offset += step
    return value, offset


def pixel_stride_of(t: TensorType, layout: Layout) -> int:
    """Elements between the pixels of a buffer for a value of this type."""
    (n, c, h, w), size = pixel_dims(t.shape, layout), itemsize(t.dtype)
    conflicts = layout == NHWC and c * size % CONFLICTING_BYTES == 0 and n * h * w > 1
    return c + EXTRA_BYTES // size if conflicts else c


def buffer_size(t: TensorType, layout: Layout) -> int:
    """Elements of a buffer for a value of this type."""
    n, _, h, w = pixel_dims(t.shape, layout)
    return n * h * w * pixel_stride_of(t, layout)
