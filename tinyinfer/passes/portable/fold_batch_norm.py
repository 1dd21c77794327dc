"""Fold batch normalisation into the convolution or linear layer before it."""

from __future__ import annotations

import dataclasses

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.weights import Derived, Weights


def fold_batch_norm(graph: Graph) -> Graph:
    """A graph in which every batch_norm that is the only reader of a convolution or linear layer is part of it.

    norm(w * x + b) = (w * s) * x + (b - mean) * s + beta with s = gamma / sqrt(var + eps), worked out in float64
    (Ioffe and Szegedy 2015, section 3.1: at inference the norm is a fixed linear map).
    """
    norms = [node for node in graph.nodes if isinstance(node.op, BatchNorm)]
    if not norms:
        return graph
    graph = graph.copy()
    types = graph.infer_types()
    producers, consumers = graph.producers(), graph.consumers()
    for norm in norms:
        layer = producers.get(norm.inputs[0])
        if layer is None or graph.sole_consumer(norm.inputs[0], consumers) is not norm:
            continue
        if not can_take(layer, types[norm.inputs[0]]):
            continue
        folded = _fold(graph, layer, norm)
        graph.replace_node(layer, folded)
        graph.replace_node(norm)
        producers[norm.outputs[0]] = folded
    graph.remove_dead()
    return graph


def can_take(layer: Node, result: TensorType) -> bool:
    """Whether nothing stands between the layer's sums and the norm, and both mean the same axis by channels."""
    if not isinstance(layer.op, Conv2d | ConvTranspose2d | Linear):
        return False
    channels_last = isinstance(layer.op, Linear) and len(result.shape) > 2
    return len(layer.inputs) == 1 and layer.op.activation is None and not channels_last


def _fold(graph: Graph, layer: Node, norm: Node) -> Node:
    assert isinstance(norm.op, BatchNorm)
    op = dataclasses.replace(layer.op, activation=norm.op.activation)  # type: ignore[type-var]
    of_norm = {f"norm.{role}": key for role, key in norm.params.items()}
    inputs = graph.weights.select({**layer.params, **of_norm})
    weight, bias = (free_name(f"{layer.name}.{role}:folded", graph.weights) for role in ("weight", "bias"))
    arguments = norm.op.eps, groups_of_transposed(layer)
    graph.weights[weight] = Derived(inputs.shape("weight"), _folded_weight, inputs, arguments)
    graph.weights[bias] = Derived(inputs.shape("norm.running_mean"), _folded_bias, inputs, (norm.op.eps,))
    return layer.replace(
        op=op, outputs=norm.outputs, params={"weight": weight, "bias": bias}, origin=layer.originals + norm.originals
    )


def groups_of_transposed(layer: Node) -> int | None:
    """Groups of a transposed convolution, whose weight is (C, M / groups, R, S); None for all other layers."""
    return layer.op.groups if isinstance(layer.op, ConvTranspose2d) else None


def scale_outputs(weight: np.ndarray, scale: np.ndarray, groups: int | None) -> np.ndarray:
    """A layer's weight times a factor for each of its M outputs; ``groups`` are those of `groups_of_transposed`."""
    if groups is not None:
        by_group = weight.reshape(groups, -1, *weight.shape[1:]) * scale.reshape(groups, 1, -1, 1, 1)
        return np.asarray(by_group.reshape(weight.shape), np.float32)
    scaled = np.empty(weight.shape, np.float32)  # written in place: a float64 copy would be the largest array of all
    np.multiply(weight, scale.reshape(-1, *[1] * (weight.ndim - 1)), out=scaled, casting="same_kind")
    return scaled


def norm_scale(p: Weights, eps: float, prefix: str = "") -> np.ndarray:
    """What a norm multiplies channels by, gamma / sqrt(var + eps); its parameters are those behind ``prefix``."""
    return np.asarray(p.get(f"{prefix}weight", 1.0) / np.sqrt(p[f"{prefix}running_var"].astype(np.float64) + eps))


def _folded_weight(p: Weights, eps: float, groups: int | None) -> np.ndarray:
    return scale_outputs(p["weight"], norm_scale(p, eps, "norm."), groups)


def _folded_bias(p: Weights, eps: float) -> np.ndarray:
    shift = (p.get("bias", 0.0) - p["norm.running_mean"].astype(np.float64)) * norm_scale(p, eps, "norm.")
    return np.asarray(shift + p.get("norm.bias", 0.0), np.float32)
