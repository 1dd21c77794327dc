"""Permutes moved behind the operators that read them, until they meet their opposite: channels last, and first again.

So ConvNeXt and others are written whose layers over channels are linear ones.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tinyinfer.graph import Node, Operator, free_name
from tinyinfer.ops.activation.activation import Activation
from tinyinfer.ops.activation.softmax import LogSoftmax, Softmax
from tinyinfer.ops.arithmetic.clamp import Clamp
from tinyinfer.ops.arithmetic.elementwise import Arithmetic
from tinyinfer.ops.arithmetic.unary import Unary
from tinyinfer.ops.base import axis
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.movement.joining import Concat, Permute
from tinyinfer.ops.normalization.norms import LayerNorm
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.rearrangement import order_of
from tinyinfer.passes.portable.recognise.views import leave_out_views

Order = tuple[int, ...]

CHANNELS_LAST: Order = (0, 2, 3, 1)


def recognise_permutes(editing: Editing) -> None:
    """Let permutes follow what is computed of them, if nothing else reads them."""
    for old in editing.in_order():
        node = editing.current(old)
        if node is None:
            continue
        if isinstance(node.op, Permute):
            leave_out_views(editing, node)
            continue
        order = _order_of_inputs(editing, node)
        if order is not None and (op := _before(node.op, order)) is not None:
            _swap(editing, node, op, order)


def _order_of_inputs(editing: Editing, node: Node) -> Order | None:
    """The order in which one permute or more give all of a node's inputs but constants."""
    orders, rank = set[Order](), len(editing.types[node.outputs[0]].shape)
    for value in node.inputs:
        producer = editing.producers.get(value)
        if producer is not None and isinstance(producer.op, Permute) and editing.reading(value) == [node]:
            if value in editing.outputs:
                return None
            orders.add(order_of(producer))
        elif editing.constant(value) is None or not isinstance(node.op, Arithmetic):
            return None
    return orders.pop() if len(orders) == 1 and len(next(iter(orders))) == rank else None


def _before(op: Operator, order: Order) -> Operator | None:
    """The operator that does in front of a permute what another one does behind it; None where there is none."""
    if isinstance(op, Activation | Clamp | Unary | Arithmetic):
        return op
    if isinstance(op, ScaleShift):
        return op if len(op.scale) == len(op.shift) == 1 else None
    if isinstance(op, Concat | Softmax | LogSoftmax):
        return dataclasses.replace(op, dim=order[axis(op.dim, len(order))])
    if order != CHANNELS_LAST:
        return None
    if isinstance(op, Linear):
        return Conv2d(activation=op.activation)
    if isinstance(op, LayerNorm) and op.dim is None and len(op.normalized_shape) == 1:
        return dataclasses.replace(op, dim=1)
    return None


def _swap(editing: Editing, node: Node, op: Operator, order: Order) -> None:
    """Compute a node's value from what the permutes read, and permute it then."""
    producers = [editing.producers[value] for value in node.inputs]
    permutes = {producer.name: producer for producer in producers if isinstance(producer.op, Permute)}
    inputs = tuple(
        permutes[producer.name].inputs[0] if producer.name in permutes else _reordered(editing, producer, order)
        for producer in producers
    )
    params = pixel_weights(editing, node) if isinstance(op, Conv2d) else dict(node.params)
    inner = free_name(f"{node.outputs[0]}:unpermuted", editing.types)
    (editing.types[inner],) = op.infer([editing.types[value] for value in inputs], editing.param_types(params))
    for old in (node, *permutes.values()):
        editing.remove(old)
    editing.add(node.replace(op=op, inputs=inputs, outputs=(inner,), params=params))
    editing.add(Node(free_name(f"{node.name}:permute", editing.names), Permute(order), (inner,), node.outputs))


def pixel_weights(editing: Editing, linear: Node) -> dict[str, str]:
    """The parameters of a linear layer as those of a convolution of single pixels."""
    weight = editing.graph.weights[linear.params["weight"]]
    key = editing.weight(f"{linear.name}.weight", np.ascontiguousarray(weight[:, :, None, None]))
    return {**linear.params, "weight": key}


def _reordered(editing: Editing, constant: Node, order: Order) -> str:
    """A constant that broadcasts over values before a permute as the given one does behind it."""
    array = editing.graph.weights[constant.params["value"]]
    if array.size == 1:
        return constant.outputs[0]
    whole = array.reshape(*[1] * (len(order) - array.ndim), *array.shape)
    back = np.ascontiguousarray(whole.transpose(np.argsort(order)))
    return editing.insert_constant(back, f"{constant.outputs[0]}:unpermuted")
