"""Fuse activations into the operator before them."""

from __future__ import annotations

import dataclasses

from tinyinfer.graph import Graph, Node
from tinyinfer.kernels.arguments.epilogue import CLIPS, FUSED
from tinyinfer.ops.arithmetic.elementwise import Add
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.normalization.batch_norm import BatchNorm

WITH_ENDING = Conv2d | ConvTranspose2d | Linear | Add | BatchNorm

LONG = ("silu", "hardsigmoid", "sigmoid")  # what is computed of a tile after it was stored


def fuse_activation(graph: Graph, everywhere: bool = False) -> Graph:
    """A graph in which an activation belongs to the layer whose only reader it was, if the layer's kernels know it.

    They apply it to results that are still in registers or in the first cache.  ``everywhere`` fuses it also where a
    kernel of this machine would gain nothing, so that the result is the same on all machines.
    """
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for activation in [node for node in graph.nodes if node.op.name in FUSED]:
        layer = producers.get(activation.inputs[0])
        if layer is None or graph.sole_consumer(activation.inputs[0], consumers) is not activation:
            continue
        if not isinstance(layer.op, WITH_ENDING) or layer.op.activation is not None:
            continue
        if isinstance(layer.op, Add | BatchNorm) and activation.op.name not in CLIPS:
            continue
        if activation.op.name in LONG and not everywhere and _is_narrow(graph, layer):
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


def _is_narrow(graph: Graph, layer: Node) -> bool:
    """Whether a layer's pixels are less than a register.

    To read them anew each would have to wait for the stores of its neighbours, which a register overlaps.
    """
    from tinyinfer.kernels.codegen.cpu import LANES  # here, since it brings Numba

    if not isinstance(layer.op, Conv2d | ConvTranspose2d) or layer.op.groups > 1:
        return False
    shape = graph.weights.shape(layer.params["weight"])
    return shape[1 if isinstance(layer.op, ConvTranspose2d) else 0] < LANES
