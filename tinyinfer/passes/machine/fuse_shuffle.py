"""Shuffle channels from where they lie: concat and channel_shuffle as one `Interleave` or `Deinterleave`.

Half of a ShuffleNet V2 unit's channels are those of the unit before, so that joining first means a copy of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.graph import Graph, Operator, Shape, TensorType
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.interleave import Deinterleave, Interleave
from tinyinfer.ops.movement.joining import Concat

INPUTS = 2  # of which there are kernels


def fuse_shuffle(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """A graph in which such pairs of nodes are one; ``types`` are those of the plan's input shapes."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for node in list(graph.nodes):
        before = producers.get(node.inputs[0]) if node.inputs else None
        if before is None or not isinstance(node.op, ChannelShuffle) or not isinstance(before.op, Concat):
            continue
        shapes = [types[value].shape for value in before.inputs]
        rank = len(shapes[0])
        op = _of_parts(node.op.groups, [shape[1] for shape in shapes]) if _images(shapes) else None
        if op is None or axis(before.op.dim, rank) != 1:
            continue
        if graph.sole_consumer(node.inputs[0], consumers) is not node:
            continue
        origin = (*before.originals, *node.originals)
        graph.replace_node(node, node.replace(op=op, inputs=before.inputs, origin=origin))
        graph.replace_node(before)
        producers, consumers = graph.producers(), graph.consumers()
    return graph


def _images(shapes: list[Shape]) -> bool:
    return len(shapes) == INPUTS and all(len(shape) == 4 for shape in shapes)


def _of_parts(groups: int, channels: list[int]) -> Operator | None:
    """The operator that shuffles two values of so many channels in so many groups; None if there is none."""
    first, second = channels
    if groups == 2 and first == second:
        return Interleave()
    if groups * 2 == first + second and first % 2 == 0:
        return Deinterleave()
    return None
