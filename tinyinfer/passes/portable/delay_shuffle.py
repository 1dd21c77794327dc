"""Move channel shuffles behind the norms and activations that follow, which then can join the convolution before.

A norm treats every channel by itself, so that it may come first if its parameters take the order of before.  In
CondenseNet and the interleaved group convolutions a shuffle stands between every 1x1 convolution and its norm.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node, free_name
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.passes.portable.fold_batch_norm import can_take
from tinyinfer.weights import Derived, Weights


def delay_shuffle(graph: Graph) -> Graph:
    """A graph in which no norm or activation stands behind a channel_shuffle that a convolution could take without."""
    shuffles = [node for node in graph.nodes if isinstance(node.op, ChannelShuffle)]
    if not shuffles:
        return graph
    graph = graph.copy()
    types = graph.infer_types()
    producers, consumers = graph.producers(), graph.consumers()
    for shuffle in shuffles:
        layer = producers.get(shuffle.inputs[0])
        alone = graph.sole_consumer(shuffle.inputs[0], consumers) is shuffle
        if layer is None or not alone or not can_take(layer, types[shuffle.inputs[0]]):
            continue
        while (after := graph.sole_consumer(shuffle.outputs[0], consumers)) is not None and _by_channel(after):
            values = {value for node in graph.nodes for value in node.outputs} | {i.name for i in graph.inputs}
            between = (free_name(f"{after.outputs[0]}:unshuffled", values),)
            before = after.replace(inputs=shuffle.inputs, outputs=between, params=_in_order_of(shuffle, after, graph))
            graph.replace_node(shuffle, before)
            shuffle = shuffle.replace(inputs=between, outputs=after.outputs)
            graph.replace_node(after, shuffle)
            consumers = graph.consumers()
    graph.remove_dead()
    return graph


def _by_channel(node: Node) -> bool:
    return isinstance(node.op, BatchNorm) or node.op.name in FUSED


def _in_order_of(shuffle: Node, node: Node, graph: Graph) -> dict[str, str]:
    """Keys of a node's parameters as they are in front of the shuffle."""
    assert isinstance(shuffle.op, ChannelShuffle)
    keys = {}
    for role, key in node.params.items():
        keys[role] = free_name(f"{node.name}.{role}:unshuffled", graph.weights)
        own = graph.weights.select({"shuffled": key})
        graph.weights[keys[role]] = Derived(own.shape("shuffled"), _unshuffled, own, (shuffle.op.groups,))
    return keys


def _unshuffled(p: Weights, groups: int) -> np.ndarray:
    return np.ascontiguousarray(p["shuffled"].reshape(-1, groups).T).reshape(-1)
