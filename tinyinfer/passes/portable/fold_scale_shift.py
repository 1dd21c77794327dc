"""Fold factors and summands of channels into the convolution or linear layer before them."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.normalization.layer_scale import LayerScale
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.passes.portable.fold_batch_norm import can_take, groups_of_transposed, scale_outputs
from tinyinfer.weights import Derived, Weights


def fold_scale_shift(graph: Graph) -> Graph:
    """A graph in which every scale_shift or layer_scale alone behind a convolution or linear layer is in it."""
    scalings = [node for node in graph.nodes if isinstance(node.op, ScaleShift | LayerScale)]
    if not scalings:
        return graph
    graph = graph.copy()
    types = graph.infer_types()
    producers, consumers = graph.producers(), graph.consumers()
    for scaling in scalings:
        layer = producers.get(scaling.inputs[0])
        if layer is None or graph.sole_consumer(scaling.inputs[0], consumers) is not scaling:
            continue
        if can_take(layer, types[scaling.inputs[0]]):
            folded = _fold(graph, layer, scaling, types[scaling.inputs[0]])
            graph.replace_node(layer, folded)
            graph.replace_node(scaling)
            producers[scaling.outputs[0]] = folded
    graph.remove_dead()
    return graph


def _fold(graph: Graph, layer: Node, scaling: Node, result: TensorType) -> Node:
    inputs = graph.weights.select({**layer.params, **scaling.params})
    channels, op, groups = result.shape[1], scaling.op, groups_of_transposed(layer)
    assert isinstance(op, ScaleShift | LayerScale)
    weight, bias = (free_name(f"{layer.name}.{role}:scaled", graph.weights) for role in ("weight", "bias"))
    graph.weights[weight] = Derived(inputs.shape("weight"), _scaled_weight, inputs, (op, channels, groups))
    graph.weights[bias] = Derived((channels,), _scaled_bias, inputs, (op, channels))
    return layer.replace(
        outputs=scaling.outputs, params={"weight": weight, "bias": bias}, origin=layer.originals + scaling.originals
    )


def _scaled_weight(p: Weights, op: ScaleShift | LayerScale, channels: int, groups: int | None) -> np.ndarray:
    scale, _ = scale_and_shift(p, op, channels)
    return scale_outputs(p["weight"], scale, groups)


def _scaled_bias(p: Weights, op: ScaleShift | LayerScale, channels: int) -> np.ndarray:
    scale, shift = scale_and_shift(p, op, channels)
    return np.asarray(p.get("bias", 0.0) * scale + shift, np.float32)


def scale_and_shift(p: Weights, op: ScaleShift | LayerScale, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Factor and summand of each channel; ``p`` has the operator's own parameters, if it has any."""
    scale, shift = (op.scale, op.shift) if isinstance(op, ScaleShift) else (p["gamma"], 0.0)
    return np.broadcast_to(scale, channels), np.broadcast_to(shift, channels)
