"""Fold factors and summands of channels into the convolutions and linear layers behind them.

So the learnt affine blocks of PP-LCNetV3 end, which stand behind activations, where no layer before can take them.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node, free_name
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.normalization.layer_scale import LayerScale
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.passes.portable.fold_scale_shift import scale_and_shift
from tinyinfer.weights import Derived, Weights


def fold_input_scaling(graph: Graph) -> Graph:
    """A graph in which every scale_shift or layer_scale is gone that is read by layers alone that can take it.

    w * (s x + t) = (w * s) * x + w * t, the last term a bias: not so where zeros are padded, unless t is 0.
    """
    scalings = [node for node in graph.nodes if isinstance(node.op, ScaleShift | LayerScale)]
    if not scalings:
        return graph
    graph = graph.copy()
    types, consumers = graph.infer_types(), graph.consumers()
    for scaling in scalings:
        value = scaling.outputs[0]
        layers, shape = consumers.get(value, []), types[value].shape
        if value in graph.outputs or not layers:
            continue
        if not all(_can_take(graph, layer, scaling, rank=len(shape)) for layer in layers):
            continue
        for layer in layers:
            graph.replace_node(layer, _fold(graph, layer, scaling, shape[1]))
        graph.replace_node(scaling)
        consumers = graph.consumers()
    graph.remove_dead()
    return graph


def _can_take(graph: Graph, layer: Node, scaling: Node, rank: int) -> bool:
    """Whether each of a layer's outputs is a sum over whole windows, or nothing is added to their values."""
    if len(layer.inputs) > 1 or not isinstance(layer.op, Conv2d | Linear):
        return False
    if isinstance(layer.op, Linear):
        return rank == 2  # of more dimensions, its features are not the channels
    if not (isinstance(scaling.op, ScaleShift) and any(scaling.op.shift)):
        return True
    pixel = graph.weights.shape(layer.params["weight"])[2:] == (1, 1)
    return layer.op.padding == (0, 0, 0, 0) or (pixel and layer.op.padding == "same")


def _fold(graph: Graph, layer: Node, scaling: Node, channels: int) -> Node:
    inputs = graph.weights.select({**layer.params, **scaling.params})
    groups = layer.op.groups if isinstance(layer.op, Conv2d) else 1
    assert isinstance(scaling.op, ScaleShift | LayerScale)
    weight, bias = (free_name(f"{layer.name}.{role}:of_scaled", graph.weights) for role in ("weight", "bias"))
    arguments = scaling.op, channels, groups
    shape = inputs.shape("weight")
    graph.weights[weight] = Derived(shape, _weight, inputs, arguments)
    graph.weights[bias] = Derived(shape[:1], _bias, inputs, arguments)
    origin = scaling.originals + layer.originals
    return layer.replace(inputs=scaling.inputs, params={"weight": weight, "bias": bias}, origin=origin)


def _weight(p: Weights, op: ScaleShift | LayerScale, channels: int, groups: int) -> np.ndarray:
    scale, _ = scale_and_shift(p, op, channels)
    return np.asarray(p["weight"] * _by_filter(p["weight"], scale, groups), np.float32)


def _bias(p: Weights, op: ScaleShift | LayerScale, channels: int, groups: int) -> np.ndarray:
    _, shift = scale_and_shift(p, op, channels)
    weight = p["weight"].astype(np.float64)
    sums = (weight * _by_filter(weight, shift, groups)).sum(axis=tuple(range(1, weight.ndim)))
    return np.asarray(p.get("bias", 0.0) + sums, np.float32)


def _by_filter(weight: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """For each filter the numbers of the channels that it reads, to multiply its weights by."""
    filters, read, *kernel = weight.shape
    by_group = np.repeat(np.reshape(values, (groups, read)), filters // groups, axis=0)
    return by_group.reshape(filters, read, *[1] * len(kernel))
