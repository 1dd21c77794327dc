"""Fuse activations into the operator before them."""

from __future__ import annotations

import dataclasses
from typing import Any

from tinyinfer.graph import Graph
from tinyinfer.kernels.endings import CLIPS
from tinyinfer.passes.fold_batch_norm import origin

FUSABLE_LAYERS = ("conv2d", "linear", "add")


def fuse_activation(graph: Graph) -> Graph:
    """A graph in which an activation that is a clip belongs to the layer whose only reader it was.

    The kernels clip results while they are in registers; other activations stay steps of their own.
    """
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for activation in [node for node in graph.nodes if node.op.name in CLIPS]:
        layer = producers.get(activation.inputs[0])
        if layer is None or layer.op.name not in FUSABLE_LAYERS:
            continue
        op: Any = layer.op
        if op.activation is not None or graph.sole_consumer(layer.outputs[0], consumers) is not activation:
            continue
        fused = layer.replace(
            op=dataclasses.replace(op, activation=activation.op.name),
            outputs=activation.outputs,
            origin=origin(layer) + origin(activation),
        )
        graph.replace_node(layer, fused)
        graph.replace_node(activation)
        producers[fused.outputs[0]] = fused
    return graph
