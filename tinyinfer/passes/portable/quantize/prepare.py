"""The form of a network that is calibrated and quantised: layers with their norms, branches and activations inside."""

from __future__ import annotations

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.passes.machine.fuse_activation import fuse_activation
from tinyinfer.passes.portable.fold_batch_norm import norm_scale
from tinyinfer.passes.portable.simplify import simplify
from tinyinfer.weights import Derived, Weights

QUANTIZED = ("quantize_linear", "dequantize_linear", "lookup")


def prepare(graph: Graph) -> Graph:
    """The same function in fewer nodes, in order; those behind no convolution, as in DenseNet, are convolutions.

    Preparing it again changes nothing.  Raises GraphError for a graph that is quantised already.
    """
    for node in graph.nodes:
        if node.op.name in QUANTIZED or node.op.name.startswith("quantized_"):
            raise GraphError(
                f"expected a network of real numbers, found node {node.name!r} ({node.op.name}): quantised already"
            )
    prepared = fuse_activation(norm_as_convolution(simplify(graph)), everywhere=True)
    prepared.nodes = prepared.topological_order()
    return prepared


def norm_as_convolution(graph: Graph) -> Graph:
    """A graph in which norms of images are convolutions of one tap a channel.

    Quantised, each channel's scale is exact: its only weight is 127 or -127, and the rest is in the scale of that.
    """
    graph = graph.copy()
    types = graph.infer_types()
    for node in [node for node in graph.nodes if isinstance(node.op, BatchNorm)]:
        if len(types[node.inputs[0]].shape) == 4:
            graph.replace_node(node, _convolution(graph, node, types[node.inputs[0]]))
    graph.remove_dead()
    return graph


def _convolution(graph: Graph, norm: Node, image: TensorType) -> Node:
    assert isinstance(norm.op, BatchNorm)
    channels, inputs = image.shape[1], graph.param_arrays(norm)
    weight, bias = (free_name(f"{norm.name}.{role}:taps", graph.weights) for role in ("weight", "bias"))
    graph.weights[weight] = Derived((channels, 1, 1, 1), _taps, inputs, (norm.op.eps,))
    graph.weights[bias] = Derived((channels,), _shifts, inputs, (norm.op.eps,))
    op = Conv2d(groups=channels, activation=norm.op.activation)
    return norm.replace(op=op, params={"weight": weight, "bias": bias})


def _taps(p: Weights, eps: float) -> np.ndarray:
    return np.asarray(norm_scale(p, eps), np.float32).reshape(-1, 1, 1, 1)


def _shifts(p: Weights, eps: float) -> np.ndarray:
    return np.asarray(p.get("bias", 0.0) - p["running_mean"] * norm_scale(p, eps), np.float32)
