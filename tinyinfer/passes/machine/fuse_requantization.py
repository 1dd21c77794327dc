"""What follows a layer of codes as a part of it: its results stay in registers.

Two nodes behind a layer become so, which changes nothing in what is computed.  A lookup that keeps codes between two
bounds, as ReLU does: these are the layer's bounds.  quantized_add: the other term is the layer's residual, added to its
codes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType
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
    adds = any(isinstance(node.op, QuantizedAdd) for node in graph.nodes)
    types = graph.symbolic_types() if adds else {}
    for node in list(graph.nodes):
        if isinstance(node.op, QuantizedAdd):
            _fuse_add(graph, node, types)
        elif isinstance(node.op, Lookup):
            _fuse_bounds(graph, node)
    graph.remove_dead()
    return graph


def _fuse_bounds(graph: Graph, node: Node) -> None:
    """Make the bounds of a lookup a part of the node before it."""
    before = graph.producers().get(node.inputs[0])
    if before is None or not isinstance(before.op, Requantization):
        return
    if graph.sole_consumer(node.inputs[0], graph.consumers()) is not node:
        return
    assert isinstance(node.op, Lookup)
    op = _bounded(before.op, node.op, graph.weights[node.params["table"]])
    if op is not None:
        graph.replace_node(before)
        origin = before.originals + node.originals
        graph.replace_node(node, before.replace(op=op, outputs=node.outputs, origin=origin))


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
    """Whether a layer can add a residual to its codes."""
    op = layer.op
    if not isinstance(op, QuantizedLayer) or op.activation is not None or len(layer.inputs) > 1:
        return False
    if "residual" not in op.optional_inputs:
        return False
    return add.dtype == op.dtype != FLOAT


def _with_residual(layer: Node, add: Node, residual: tuple[str, float, int]) -> Node:
    value, scale, zero_point = residual
    assert isinstance(layer.op, QuantizedLayer)
    assert isinstance(add.op, QuantizedAdd)
    ending = {name: getattr(add.op, name) for name in ("scale", "zero_point", "dtype", "activation")}
    return layer.replace(
        op=dataclasses.replace(
            layer.op, residual_scale=scale, residual_zero_point=zero_point, inner_scale=layer.op.scale,
            inner_zero_point=layer.op.zero_point, **ending,
        ),
        inputs=(*layer.inputs, value), outputs=add.outputs, origin=layer.originals + add.originals,
    )  # fmt: skip
