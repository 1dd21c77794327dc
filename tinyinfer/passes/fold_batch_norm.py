"""Fold batch normalisation into the convolution or linear layer before it."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.batch_norm import BatchNorm
from tinyinfer.ops.conv2d import Conv2d
from tinyinfer.ops.linear import Linear


def fold_batch_norm(graph: Graph) -> Graph:
    """A graph in which every batch_norm that is the only reader of a convolution or linear layer is part of it.

    norm(w * x + b) = (w * s) * x + (b - mean) * s + beta with s = gamma / sqrt(var + eps), worked out in float64
    (Ioffe and Szegedy 2015, section 3.1: at inference the norm is a fixed linear map).
    """
    graph = graph.copy()
    types = graph.infer_types()
    producers, consumers = graph.producers(), graph.consumers()
    for norm in [node for node in graph.nodes if isinstance(node.op, BatchNorm)]:
        layer = producers.get(norm.inputs[0])
        if layer is None or graph.sole_consumer(norm.inputs[0], consumers) is not norm:
            continue
        if not _can_take(layer, types[norm.inputs[0]]):
            continue
        folded = _fold(graph, layer, norm)
        graph.replace_node(layer, folded)
        graph.replace_node(norm)
        producers[norm.outputs[0]] = folded
    graph.remove_dead()
    return graph


def _can_take(layer: Node, result: TensorType) -> bool:
    """Whether nothing stands between the layer's sums and the norm, and both mean the same axis by channels."""
    if not isinstance(layer.op, Conv2d | Linear):
        return False
    channels_last = isinstance(layer.op, Linear) and len(result.shape) > 2
    return len(layer.inputs) == 1 and layer.op.activation is None and not channels_last


def _fold(graph: Graph, layer: Node, norm: Node) -> Node:
    assert isinstance(norm.op, BatchNorm)
    p = {role: array.astype(np.float64) for role, array in graph.param_arrays(norm).items()}
    scale = p.get("weight", 1.0) / np.sqrt(p["running_var"] + norm.op.eps)
    weights = graph.param_arrays(layer)
    weight = weights["weight"] * scale.reshape(-1, *[1] * (weights["weight"].ndim - 1))
    bias = (weights.get("bias", 0.0) - p["running_mean"]) * scale + p.get("bias", 0.0)
    keys = {role: f"{layer.name}.{role}:folded" for role in ("weight", "bias")}
    graph.weights[keys["weight"]] = weight.astype(np.float32)
    graph.weights[keys["bias"]] = bias.astype(np.float32)
    return layer.replace(outputs=norm.outputs, params=keys, origin=layer.originals + norm.originals)
