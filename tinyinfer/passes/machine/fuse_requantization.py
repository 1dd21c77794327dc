"""Spare codes that only the next node reads: sums of a layer go on as they are, to be rounded once.

Three nodes behind a layer on codes become a part of it.  dequantize_linear: its results stay real numbers.  A lookup
that keeps codes between two bounds, as ReLU does: these are its bounds.  quantized_add: the other term is its residual.
The first and the last spare a rounding, so that results are up to a step of the codes between away from what they
were; the second changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear
from tinyinfer.ops.quantized.arithmetic import QuantizedAdd
from tinyinfer.ops.quantized.lookup import Lookup
from tinyinfer.ops.quantized.requantization import FLOAT, Requantization
from tinyinfer.ops.quantized.weights import QuantizedLayer
from tinyinfer.passes.machine.fuse_residual import same_at_every_size

BOUNDED = ("relu", "relu6")  # activations that are bounds on codes


def fuse_requantization(graph: Graph) -> Graph:
    """A graph in which such nodes are part of the layer whose only reader they were."""
    if not any(isinstance(node.op, Requantization) for node in graph.nodes):
        return graph
    graph = graph.copy()
    graph.nodes = graph.topological_order()
    types = graph.symbolic_types()
    for node in list(graph.nodes):
        if isinstance(node.op, QuantizedAdd):
            _fuse_add(graph, node, types)
        elif isinstance(node.op, DequantizeLinear | Lookup):
            _fuse_ending(graph, node)
    graph.remove_dead()
    return graph


def _fuse_ending(graph: Graph, node: Node) -> None:
    """Make a dequantize_linear or the bounds of a lookup a part of the node before it."""
    before = graph.producers().get(node.inputs[0])
    if before is None or not isinstance(before.op, Requantization):
        return
    if graph.sole_consumer(node.inputs[0], graph.consumers()) is not node:
        return
    if isinstance(node.op, Lookup):
        op = _bounded(before.op, node.op, graph.weights[node.params["table"]])
    else:
        op = dataclasses.replace(before.op, dtype=FLOAT, zero_point=0) if _is_unbounded(before) else None
    if op is not None:
        graph.replace_node(before)
        origin = before.originals + node.originals
        graph.replace_node(node, before.replace(op=op, outputs=node.outputs, origin=origin))


def _is_unbounded(node: Node) -> bool:
    """Whether a layer's results are no more than rounded: codes from 0 on would be a ReLU that nobody wrote down."""
    op = node.op
    if not isinstance(op, QuantizedLayer) or op.activation is not None or op.dtype == FLOAT:
        return False
    limits = np.iinfo(op.dtype)
    return bool(limits.min < op.zero_point < limits.max)


def _bounded(op: Requantization, lookup: Lookup, table: np.ndarray) -> Requantization | None:
    """The operator with the activation that gives the codes which the table makes of its own, if there is one."""
    same = (lookup.scale, lookup.zero_point, str(table.dtype)) == (op.scale, op.zero_point, op.dtype)
    if not same or op.activation is not None:
        return None
    limits = np.iinfo(op.dtype)
    codes = np.arange(limits.min, limits.max + 1)
    for activation in BOUNDED:
        with_bounds = dataclasses.replace(op, activation=activation)
        if np.array_equal(table, np.clip(codes, *with_bounds.bounds)):
            return with_bounds
    return None


def _fuse_add(graph: Graph, add: Node, types: Mapping[str, TensorType]) -> None:
    """Make the sum of a layer's results and other codes a part of the layer, of two the one computed last."""
    op = add.op
    assert isinstance(op, QuantizedAdd)
    a, b = add.inputs
    if a == b or not same_at_every_size(types[a], types[b]):
        return
    order, consumers = {node.outputs[0]: i for i, node in enumerate(graph.nodes)}, graph.consumers()
    residuals = {a: (b, op.b_scale, op.b_zero_point), b: (a, op.a_scale, op.a_zero_point)}
    for value in sorted(order.keys() & {a, b}, key=order.__getitem__, reverse=True):
        layer = graph.nodes[order[value]]
        if graph.sole_consumer(value, consumers) is add and _takes_residual(layer, op):
            graph.replace_node(layer)
            graph.replace_node(add, _with_residual(layer, add, residuals[value]))
            return


def _takes_residual(layer: Node, add: QuantizedAdd) -> bool:
    """Whether a layer can add a residual, and the codes that are spared are no coarser than those of the sum."""
    if not isinstance(layer.op, QuantizedLayer) or not _is_unbounded(layer) or len(layer.inputs) > 1:
        return False
    return add.dtype == FLOAT or layer.op.scale <= add.scale


def _with_residual(layer: Node, add: Node, residual: tuple[str, float, int]) -> Node:
    value, scale, zero_point = residual
    assert isinstance(layer.op, QuantizedLayer)
    assert isinstance(add.op, QuantizedAdd)
    ending = {name: getattr(add.op, name) for name in ("scale", "zero_point", "dtype", "activation")}
    return layer.replace(
        op=dataclasses.replace(layer.op, residual_scale=scale, residual_zero_point=zero_point, **ending),
        inputs=(*layer.inputs, value), outputs=add.outputs, origin=layer.originals + add.originals,
    )  # fmt: skip
