"""Weights and biases of a file as the layers that compute with integers take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tinyinfer.passes.portable.integer_arithmetic.codes import Codes

WIDEST = 127  # of int8 weights, so that products of two have room
LARGEST_BIAS = 2**31 - 1


class IntegerWeight(NamedTuple):
    """Integers, a scale for each output channel, and the zero point of all."""

    array: np.ndarray
    scale: np.ndarray
    zero_point: int


def integer_weight(codes: Codes) -> IntegerWeight | None:
    """An 8-bit weight whose first dimension is output channels; None where its codes lie otherwise.

    Zero points become 0 where int8 can hold what is left; -128, which int8 weights may not be, and weights that need
    their zero point are uint8.
    """
    array, quant = codes.array, codes.quant
    channels = array.shape[0]
    if array.dtype not in (np.int8, np.uint8) or quant.axis not in (None, 0) or len(set(quant.zero_point)) != 1:
        return None
    scale = np.ascontiguousarray(np.broadcast_to(np.asarray(quant.scale, np.float32), channels))
    zero_point = quant.zero_point[0]
    least, most = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if max(most - zero_point, zero_point - least) <= WIDEST:
        return IntegerWeight(_shifted(array, -zero_point, np.int8), scale, 0)
    if array.dtype == np.int8 and least < -WIDEST:
        return IntegerWeight(_shifted(array, 128, np.uint8), scale, zero_point + 128)
    return IntegerWeight(array, scale, zero_point)


def _shifted(array: np.ndarray, by: int, dtype: type) -> np.ndarray:
    if by == 0 and array.dtype == dtype:
        return array  # the file's own, which need not be held in memory
    return (array.astype(np.int16) + by).astype(dtype)


def integer_bias(
    key: str, array: np.ndarray, codes: Mapping[str, Codes], input_scale: float, weight_scale: np.ndarray
) -> np.ndarray | None:
    """A bias as int32 in units of the sums of products; None where it has no place in these.

    The file's own integers where their scale is this unit, else the nearest.
    """
    unit = np.float64(input_scale) * weight_scale
    stored = codes.get(key)
    if stored is not None and stored.array.dtype == np.int32 and not any(stored.quant.zero_point):
        same = np.allclose(np.broadcast_to(stored.quant.scale, unit.shape), unit, rtol=1e-5, atol=0)
        if same and stored.array.shape == unit.shape:
            return stored.array
    exact = np.rint(array.astype(np.float64) / unit)
    if array.shape != unit.shape or not np.isfinite(exact).all() or np.abs(exact).max(initial=0) > LARGEST_BIAS:
        return None
    return exact.astype(np.int32)
