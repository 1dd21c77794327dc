"""What the sums of a layer begin with and are worth, so that kernels multiply codes as they lie.

What zero points add is folded into the bias:

    sum (x - x_zero) (w - w_zero) + bias = sum x w - w_zero sum x + (bias - x_zero sum (w - w_zero))

The term in the middle is there only for weights with a zero point, and the same for all outputs of a window.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.base import Layer
from tinyinfer.ops.quantized.weights import QuantizedLayer


def signed_weight(layer: Layer) -> tuple[np.ndarray, int]:
    """Weights as int8, and their zero point: those of older files are uint8."""
    op, weight = layer.op, layer.params["weight"]
    assert isinstance(op, QuantizedLayer)
    if weight.dtype == np.uint8:
        return (weight ^ np.uint8(128)).view(np.int8), op.weight_zero_point - 128
    return weight.view(np.int8), op.weight_zero_point


def folded_bias(layer: Layer) -> np.ndarray:
    """What the sums of each output channel begin with, int32: the bias, less what the input's zero point adds."""
    weight, zero = signed_weight(layer)
    op, bias = layer.op, layer.params.get("bias")
    assert isinstance(op, QuantizedLayer)
    rows = weight.reshape(len(weight), -1)
    sums = rows.sum(axis=1, dtype=np.int64) - rows.shape[1] * zero
    folded = (0 if bias is None else bias.astype(np.int64)) - op.input_zero_point * sums
    return folded.astype(np.int32)  # which wraps around as the sums that are added to it do


def multipliers(layer: Layer) -> np.ndarray:
    """What a unit of each output channel's sums is worth, float32."""
    op = layer.op
    assert isinstance(op, QuantizedLayer)
    return np.asarray(op.worths(layer.params["weight_scale"]) / op.inner.unit, np.float32)
