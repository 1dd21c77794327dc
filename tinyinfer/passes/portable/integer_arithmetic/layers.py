"""Convolutions and fully connected layers of codes, by the integers that their weights are in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyinfer.errors import GraphError, WeightsError
from tinyinfer.graph import Node, Quant
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d, exchanged
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.ops.quantized.conv_transpose import QuantizedConvTranspose2d
from tinyinfer.ops.quantized.convolution import QuantizedConv2d
from tinyinfer.ops.quantized.linear import QuantizedLinear
from tinyinfer.ops.quantized.requantization import FLOAT
from tinyinfer.ops.quantized.weights import QuantizedLayer
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes, Reading, codes_behind, infer
from tinyinfer.passes.portable.integer_arithmetic.weights import IntegerWeight, integer_bias, integer_weight
from tinyinfer.passes.portable.recognise.patterns.editing import Editing


def use_integer_weights(editing: Editing, codes: Mapping[str, Codes]) -> None:
    """Let layers whose input was codes, and whose weight was, multiply these; results stay real numbers.

    ``codes`` has what weights were dequantised from by their keys.  Layers whose sums could leave 32 bits stay.
    """
    parameters = _Parameters(editing, codes)
    for node in editing.in_order():
        layer = isinstance(node.op, Conv2d | ConvTranspose2d | Linear) and len(node.inputs) == 1
        if layer and node.params["weight"] in codes:
            reading = codes_behind(editing, node.inputs[0])
            if reading is not None:
                _replace(editing, node, reading, codes, parameters)


def _replace(
    editing: Editing, node: Node, reading: Reading, codes: Mapping[str, Codes], parameters: _Parameters
) -> None:
    weights = editing.graph.weights
    weight = _integer_weight(node.op, codes[node.params["weight"]])
    op = None if weight is None else _quantized(node.op, reading, weight.zero_point)
    if weight is None or op is None:
        return
    params = {"weight": weight.array, "weight_scale": weight.scale}
    if "bias" in node.params:
        key = node.params["bias"]
        bias = integer_bias(key, weights[key], codes, reading.scale, weight.scale)
        if bias is None:
            return
        params["bias"] = bias
    try:
        op.check_values(params)
    except WeightsError:
        return
    keys = {role: parameters.key(node, role, array) for role, array in params.items()}
    new = node.replace(op=op, inputs=(reading.value,), params=keys)
    try:
        infer(editing, op, new.inputs, keys)
    except GraphError:
        return
    editing.replace(node, new)


def _integer_weight(op: object, codes: Codes) -> IntegerWeight | None:
    """The weight of a layer, in its own layout."""
    if not isinstance(op, ConvTranspose2d):
        return integer_weight(codes)
    quant = codes.quant
    if quant.axis == 1:  # outputs of each group
        quant = Quant(quant.scale * op.groups, quant.zero_point * op.groups, 0)
    elif quant.axis is not None:
        return None
    found = integer_weight(Codes(codes.name, exchanged(codes.array, op.groups), quant))
    return None if found is None else found._replace(array=exchanged(found.array, op.groups))


def _quantized(op: object, reading: Reading, zero_point: int) -> QuantizedLayer | None:
    """The layer that reads codes and leaves its results real; None where there is none."""
    attrs: dict[str, Any] = {**reading.attrs("input"), "weight_zero_point": zero_point, "dtype": FLOAT}
    if isinstance(op, Linear):
        return QuantizedLinear(activation=op.activation, **attrs)
    if isinstance(op, ConvTranspose2d):
        return QuantizedConvTranspose2d(**op.attrs, **attrs)
    if isinstance(op, Conv2d) and op.padding_mode == "zeros":
        attrs |= {"stride": op.stride, "padding": op.padding, "dilation": op.dilation, "groups": op.groups}
        return QuantizedConv2d(activation=op.activation, **attrs)
    return None


class _Parameters:
    """Parameters of the layers that are made, which share the file's integers as it does."""

    def __init__(self, editing: Editing, codes: Mapping[str, Codes]) -> None:
        self._weights, self._add, self._codes = editing.graph.weights, editing.weight, codes
        self._uses = Counter(key for node in editing.in_order() for key in node.params.values())
        self._made: dict[str, str] = {}  # keys by the names that were wanted

    def key(self, node: Node, role: str, array: np.ndarray) -> str:
        """The key of a parameter: the file's name of its integers, where it has them."""
        old = node.params.get(role, "")
        name = self._codes[old].name if old in self._codes else f"{node.name}.{role}"
        if name == old and self._uses[old] == 1:
            self._weights[name] = array
            return name
        made = self._made.get(name)
        if made is None or not np.array_equal(self._weights[made], array):
            made = self._made[name] = self._add(name, array)
        return made
