"""Make a shift in front of a norm a depthwise convolution, which can take the norm and join the 1x1 layers around it.

A displacement is a kernel of zeros with a single one.  By itself a shift is moved faster as bits; with the norm's scale
in place of the one, a pass over the map is saved, and where a layer with stride follows, most of the map is not moved
at all.  An input that is not finite reaches all outputs whose window it lies in, not only the one it is moved to.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node, free_name
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.shift import Shift, SparseShift
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.weights import Derived, Weights

NEAR = 2  # pixels, to which kernels are at most 5x5


def shift_as_convolution(graph: Graph) -> Graph:
    """A graph in which every shift that only a batch_norm reads is a conv2d of as many groups as channels.

    Learnt displacements stay what they are if one of them is of more than NEAR pixels.
    """
    shifts = [node for node in graph.nodes if isinstance(node.op, Shift | SparseShift)]
    if not shifts:
        return graph
    graph = graph.copy()
    types, consumers = graph.infer_types(), graph.consumers()
    for shift in shifts:
        norm = graph.sole_consumer(shift.outputs[0], consumers)
        if norm is not None and isinstance(norm.op, BatchNorm):
            graph.replace_node(shift, _convolution(graph, shift, types[shift.inputs[0]].shape[1]))
    return graph


def _convolution(graph: Graph, shift: Node, channels: int) -> Node:
    op, params = shift.op, graph.weights.select(shift.params)
    assert isinstance(op, Shift | SparseShift)
    size, dilation = (op.kernel_size, op.dilation) if isinstance(op, Shift) else (_size(op, params, channels), 1)
    if isinstance(op, SparseShift) and size > 2 * NEAR + 1:
        return shift
    before = size // 2
    sides = (dilation * before, dilation * (size - 1 - before))
    key = free_name(f"{shift.name}.weight:taps", graph.weights)
    graph.weights[key] = Derived((channels, 1, size, size), _one_hot, params, (op, channels, size, dilation))
    moved = Conv2d(padding=sides * 2, dilation=(dilation, dilation), groups=channels)
    return shift.replace(op=moved, params={"weight": key})


def _size(op: SparseShift, params: Weights, channels: int) -> int:
    """The smallest kernel of more than one tap that reaches as far as all displacements."""
    return 2 * int(np.abs(op.displacements(channels, params)).max(initial=1)) + 1


def _one_hot(params: Weights, op: Shift | SparseShift, channels: int, size: int, dilation: int) -> np.ndarray:
    taps = op.displacements(channels, params) // dilation + size // 2
    weight = np.zeros((channels, 1, size, size), np.float32)
    weight[np.arange(channels), 0, taps[:, 0], taps[:, 1]] = 1
    return weight
