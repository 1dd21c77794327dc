"""Fold factors and summands of channels into the convolution or linear layer before them."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node
from tinyinfer.ops.layer_scale import LayerScale
from tinyinfer.ops.scale_shift import ScaleShift
from tinyinfer.passes.fold_batch_norm import can_take
from tinyinfer.weights import Derived, Weights


def fold_scale_shift(graph: Graph) -> Graph:
    """A graph in which every scale_shift or layer_scale alone behind a convolution or linear layer is in it."""
    graph = graph.copy()
    types = graph.infer_types()
    producers, consumers = graph.producers(), graph.consumers()
    for scaling in [node for node in graph.nodes if isinstance(node.op, ScaleShift | LayerScale)]:
        layer = producers.get(scaling.inputs[0])
        if layer is None or graph.sole_consumer(scaling.inputs[0], consumers) is not scaling:
            continue
        if can_take(layer, types[scaling.inputs[0]]):
            folded = _fold(graph, layer, scaling)
            graph.replace_node(layer, folded)
            graph.replace_node(scaling)
            producers[scaling.outputs[0]] = folded
    graph.remove_dead()
    return graph


def _fold(graph: Graph, layer: Node, scaling: Node) -> Node:
    inputs = graph.weights.select({**layer.params, **scaling.params})
    channels, op = inputs.shape("weight")[0], scaling.op
    factor, shift = (op.scale, op.shift) if isinstance(op, ScaleShift) else (None, 0.0)

    def scale(p: Weights) -> np.ndarray:
        return np.broadcast_to(p["gamma"] if factor is None else factor, channels)

    def weight(p: Weights) -> np.ndarray:
        w = p["weight"]
        return np.asarray(w * scale(p).reshape(-1, *[1] * (w.ndim - 1)), np.float32)

    def bias(p: Weights) -> np.ndarray:
        return np.asarray(p.get("bias", 0.0) * scale(p) + np.broadcast_to(shift, channels), np.float32)

    keys = {role: f"{layer.name}.{role}:scaled" for role in ("weight", "bias")}
    graph.weights[keys["weight"]] = Derived(inputs.shape("weight"), weight, inputs)
    graph.weights[keys["bias"]] = Derived((channels,), bias, inputs)
    return layer.replace(outputs=scaling.outputs, params=keys, origin=layer.originals + scaling.originals)
