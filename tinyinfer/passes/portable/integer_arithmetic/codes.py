"""Integers and the real numbers that they stand for: as arrays of a file, and as values of a network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer import ops
from tinyinfer.graph import Node, Quant, TensorType
from tinyinfer.ops.activation.activation import FUSABLE
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear, QuantizeLinear
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.requantization import CODES
from tinyinfer.passes.portable.recognise.patterns.editing import Editing


class Codes(NamedTuple):
    """An array of integers that a known array of real numbers was made of, as the file calls it."""

    name: str
    array: np.ndarray
    quant: Quant


class Reading(NamedTuple):
    """The codes that a computed value of real numbers was made of, all by one scale and zero point."""

    value: str
    scale: float
    zero_point: int
    dtype: str

    @property
    def quant(self) -> Quant:
        """What the codes stand for."""
        return Quant((self.scale,), (self.zero_point,))

    def attrs(self, role: str) -> dict[str, float | int]:
        """How operators say by which scale and zero point they read an input."""
        return {f"{role}_scale": self.scale, f"{role}_zero_point": self.zero_point}


def codes_behind(editing: Editing, value: str) -> Reading | None:
    """What a value was dequantised from; None if it was not, or by several scales."""
    node = editing.producers.get(value)
    if node is None or not isinstance(node.op, DequantizeLinear):
        return None
    source = node.inputs[0]
    return _reading(source, node.op, editing.types[source].dtype)


def codes_before(node: Node) -> Reading | None:
    """The codes that a quantize_linear makes; None for another node, and where it has several scales."""
    return _reading(node.outputs[0], node.op, node.op.dtype) if isinstance(node.op, QuantizeLinear) else None


def _reading(value: str, op: QuantizeLinear | DequantizeLinear, dtype: str) -> Reading | None:
    if dtype not in CODES or op.axis is not None:
        return None
    return Reading(value, op.scale[0], op.zero_point[0], dtype)


def plain_activation(op: object) -> str | None:
    """The name of an activation that layers of codes can take in; None for every other operator."""
    name = str(getattr(op, "name", ""))
    return name if name in FUSABLE and op == ops.create(name, {}) else None


def put(editing: Editing, node: Node) -> None:
    """Add a node to a graph, with the types of what it computes.  Raises GraphError where its inputs do not fit."""
    types = infer(editing, node.op, node.inputs, dict(node.params))  # type: ignore[arg-type]
    for value, t in zip(node.outputs, types, strict=True):
        editing.types[value] = t
    editing.add(node)


def infer(editing: Editing, op: Op, inputs: tuple[str, ...], params: dict[str, str]) -> list[TensorType]:
    """The types that an operator makes of these values.  Raises GraphError where they do not fit."""
    return op.infer([editing.types[value] for value in inputs], editing.param_types(params))
