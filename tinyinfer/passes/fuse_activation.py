"""Fuse activations into the operator before them."""

from __future__ import annotations

import dataclasses

from tinyinfer.graph import Graph
from tinyinfer.kernels.endings import CLIPS
from tinyinfer.ops.conv2d import Conv2d
from tinyinfer.ops.elementwise import Add
from tinyinfer.ops.linear import Linear


def fuse_activation(graph: Graph) -> Graph:
    """A graph in which an activation that is a clip belongs to the layer whose only reader it was.

    The kernels clip results while they are in registers; other activations stay steps of their own.
    """
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for activation in [node for node in graph.nodes if node.op.name in CLIPS]:
        layer = producers.get(activation.inputs[0])
        if layer is None or graph.sole_consumer(activation.inputs[0], consumers) is not activation:
            continue
        if not isinstance(layer.op, Conv2d | Linear | Add) or layer.op.activation is not None:
            continue
        fused = layer.replace(
            op=dataclasses.replace(layer.op, activation=activation.op.name),
            outputs=activation.outputs,
            origin=layer.originals + activation.originals,
        )
        graph.replace_node(layer, fused)
        graph.replace_node(activation)
        producers[fused.outputs[0]] = fused
    return graph
