"""Fold batch normalisation into the convolution or linear layer before it."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node

# operators whose weight has one slice per output channel along axis 0
FOLDABLE = ("conv2d", "linear")


def fold_batch_norm(graph: Graph) -> Graph:
    """A graph in which every batch_norm that is the only reader of a convolution or linear layer is part of it.

    norm(w * x + b) = (w * s) * x + (b - mean) * s + beta with s = gamma / sqrt(var + eps), worked out in float64
    (Ioffe and Szegedy 2015, section 3.1: at inference the norm is a fixed linear map).
    """
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for norm in [node for node in graph.nodes if node.op.name == "batch_norm"]:
        layer = producers.get(norm.inputs[0])
        if layer is None or not _can_take(graph, layer, norm, consumers):
            continue
        folded = _fold(graph, layer, norm)
        graph.replace_node(layer, folded)
        graph.replace_node(norm)
        producers[norm.outputs[0]] = folded
    graph.remove_dead()
    return graph


def _can_take(graph: Graph, layer: Node, norm: Node, consumers: dict[str, list[Node]]) -> bool:
    plain = layer.op.name in FOLDABLE and len(layer.inputs) == 1 and getattr(layer.op, "activation", None) is None
    return plain and graph.sole_consumer(layer.outputs[0], consumers) is norm


def _fold(graph: Graph, layer: Node, norm: Node) -> Node:
    p = {role: array.astype(np.float64) for role, array in graph.param_arrays(norm).items()}
    scale = p.get("weight", 1.0) / np.sqrt(p["running_var"] + norm.op.eps)  # type: ignore[attr-defined]
    weights = graph.param_arrays(layer)
    weight = weights["weight"] * scale.reshape(-1, *[1] * (weights["weight"].ndim - 1))
    bias = (weights.get("bias", 0.0) - p["running_mean"]) * scale + p.get("bias", 0.0)
    keys = {role: f"{layer.name}.{role}:folded" for role in ("weight", "bias")}
    graph.weights[keys["weight"]] = weight.astype(np.float32)
    graph.weights[keys["bias"]] = bias.astype(np.float32)
    return layer.replace(outputs=norm.outputs, params=keys, origin=origin(layer) + origin(norm))


def origin(node: Node) -> tuple[str, ...]:
    """Names of the original nodes this one stands for."""
    return node.origin or (node.name,)
