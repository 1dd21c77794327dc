"""Means of codes, and images of codes at other sizes."""

from __future__ import annotations

import dataclasses

from tinyinfer.graph import Node
from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d
from tinyinfer.ops.pooling.pooling import AvgPool2d
from tinyinfer.ops.quantized.pooling import QuantizedAdaptiveAvgPool2d, QuantizedAvgPool2d, QuantizedPool
from tinyinfer.ops.quantized.requantization import FLOAT
from tinyinfer.passes.portable.integer_arithmetic.codes import Reading, codes_behind
from tinyinfer.passes.portable.recognise.patterns.editing import Editing


def average_codes(editing: Editing) -> None:
    """Let means of what was codes be worked out from sums of these; their results stay real numbers."""
    for node in editing.in_order():
        reading = codes_behind(editing, node.inputs[0]) if len(node.inputs) == 1 else None
        op = None if reading is None else _quantized(node, reading)
        if reading is not None and op is not None:
            editing.replace(node, node.replace(op=op, inputs=(reading.value,)))


def _quantized(node: Node, reading: Reading) -> QuantizedPool | None:
    """The pool that reads codes; None where there is none."""
    scales = {**reading.attrs("input"), "dtype": FLOAT}
    if isinstance(node.op, AvgPool2d):
        windows = {field.name: getattr(node.op, field.name) for field in dataclasses.fields(node.op)}
        return QuantizedAvgPool2d(**windows, **scales)  # type: ignore[arg-type]
    if isinstance(node.op, AdaptiveAvgPool2d):
        return QuantizedAdaptiveAvgPool2d(output_size=node.op.output_size, **scales)  # type: ignore[arg-type]
    return None
