"""quantize_linear as part of what computes the values: layers, sums, differences and products that end in codes."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeGuard

from tinyinfer.errors import GraphError
from tinyinfer.graph import Node
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.arithmetic import QuantizedAdd, QuantizedArithmetic, QuantizedMul, QuantizedSub
from tinyinfer.ops.quantized.pooling import QuantizedPool
from tinyinfer.ops.quantized.requantization import FLOAT, Requantization
from tinyinfer.passes.portable.integer_arithmetic.codes import (
    Reading,
    codes_before,
    codes_behind,
    plain_activation,
    put,
)
from tinyinfer.passes.portable.recognise.patterns.editing import Editing

ARITHMETIC: dict[str, type[QuantizedArithmetic]] = {"add": QuantizedAdd, "sub": QuantizedSub, "mul": QuantizedMul}


def take_in_activations(editing: Editing) -> None:
    """Make an activation part of the layer of codes before it, if nothing else reads that layer's results."""
    for node in editing.in_order():
        activation = plain_activation(node.op)
        layer = editing.producers.get(node.inputs[0]) if activation is not None else None
        if layer is None or not _is_open(layer.op) or layer.op.activation is not None:
            continue
        if editing.reader(node.inputs[0]) is node:
            _merge(editing, layer, node, dataclasses.replace(layer.op, activation=activation))


def add_and_multiply_codes(editing: Editing) -> None:
    """Let sums, differences and products of two values that were codes, and that become codes, be those of codes.

    Their results stay real numbers, which an activation or a quantize_linear reads alone.
    """
    for node in editing.in_order():
        kind = ARITHMETIC.get(node.op.name)
        if kind is None or len(node.inputs) != 2 or not _becomes_codes(editing, node.outputs[0]):
            continue
        a, b = (codes_behind(editing, value) for value in node.inputs)
        if a is None or b is None:
            continue
        scales: dict[str, Any] = {**a.attrs("a"), **b.attrs("b")}
        op = kind(activation=getattr(node.op, "activation", None), dtype=FLOAT, **scales)
        editing.replace(node, node.replace(op=op, inputs=(a.value, b.value)))


def _becomes_codes(editing: Editing, value: str) -> bool:
    """Whether a value is read by a quantize_linear alone, perhaps through an activation."""
    reader = editing.reader(value)
    if reader is not None and plain_activation(reader.op) is not None:
        reader = editing.reader(reader.outputs[0])
    return reader is not None and codes_before(reader) is not None


def end_in_codes(editing: Editing) -> None:
    """Let what computes real numbers from codes, for a quantize_linear alone, write its codes."""
    for node in editing.in_order():
        out = codes_before(node)
        layer = None if out is None else editing.producers.get(node.inputs[0])
        if out is None or layer is None or not _is_open(layer.op) or editing.reader(node.inputs[0]) is not node:
            continue
        _merge(editing, layer, node, _writes(layer.op, out))


def _is_open(op: object) -> TypeGuard[Requantization]:
    """Whether an operator reads codes and leaves its results real."""
    return isinstance(op, Requantization) and op.dtype == FLOAT


def _writes(op: Requantization, out: Reading) -> Requantization:
    changes: dict[str, Any] = {"scale": out.scale, "zero_point": out.zero_point, "dtype": out.dtype}
    if isinstance(op, QuantizedPool) and (op.input_scale, op.input_zero_point) == (out.scale, out.zero_point):
        changes["halves_from"] = 0  # as TFLite, where a mean is made of the codes as they are
    return dataclasses.replace(op, **changes)


def _merge(editing: Editing, layer: Node, last: Node, op: Op) -> None:
    """One node for two: the layer's, which computes the last one's value."""
    new = layer.replace(op=op, outputs=last.outputs, origin=(*layer.originals, *last.originals))
    editing.remove(layer)
    editing.remove(last)
    try:
        put(editing, new)
    except GraphError:
        editing.add(layer)
        editing.add(last)
