"""Shuffle channels from where they lie: concat and channel_shuffle as one `Interleave` (ShuffleNet V2's units).

Half of a unit's channels are those of the unit before, so that joining first means a copy of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.graph import Graph, TensorType
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.interleave import Interleave
from tinyinfer.ops.movement.joining import Concat

GROUPS = 2  # of which there is a kernel


def fuse_shuffle(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """A graph in which such pairs of nodes are one `Interleave`; ``types`` are those of the plan's input shapes."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for node in list(graph.nodes):
        before = producers.get(node.inputs[0]) if node.inputs else None
        if before is None or not isinstance(node.op, ChannelShuffle) or not isinstance(before.op, Concat):
            continue
        shapes = {types[value].shape for value in before.inputs}
        rank = len(next(iter(shapes)))
        halves = len(before.inputs) == node.op.groups == GROUPS and len(shapes) == 1
        if halves and rank == 4 and axis(before.op.dim, rank) == 1:
            if graph.sole_consumer(node.inputs[0], consumers) is not node:
                continue
            origin = (*before.originals, *node.originals)
            graph.replace_node(node, node.replace(op=Interleave(), inputs=before.inputs, origin=origin))
            graph.replace_node(before)
            producers, consumers = graph.producers(), graph.consumers()
    return graph
