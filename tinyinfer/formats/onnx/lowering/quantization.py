"""Numbers as integers and back, and the operators that compute with such integers.

QLinearConv and QLinearMatMul are those of real numbers between a DequantizeLinear and a QuantizeLinear, which become
one with these where they can (`in_integers`); results of ConvInteger pass through float32, which holds whole numbers
exactly up to 2^24.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.convolution import convolve
from tinyinfer.formats.onnx.lowering.matmul import multiply
from tinyinfer.formats.onnx.lowering.normalization import repeated
from tinyinfer.formats.onnx.reading.tensors import ELEMENT_TYPES
from tinyinfer.ops.arithmetic.quantization import QUANTIZED
from tinyinfer.ops.base import axis
from tinyinfer.ops.dtypes import NUMBERS

RANGES = {"uint8": (0, 255), "int8": (-128, 127)}


def quantize_linear(call: Call) -> str:
    """QuantizeLinear, by tensor, axis or block."""
    call.ignore("saturate", "precision")  # of float8, and of the division
    number = call.attribute("output_dtype", 0)
    dtype = call.type(2).dtype if call.has(2) else ELEMENT_TYPES[number].name if number in ELEMENT_TYPES else "uint8"
    if dtype not in QUANTIZED:
        call.refuse(f"quantized elements of {dtype} are not supported")
    at, block = call.attribute("axis", 1), call.attribute("block_size", 0)
    return quantize(call, call.x, call.value(1), call.value(2) if call.has(2) else None, dtype, at, block)


def quantize(call: Call, x: str, scale: str, zero: str | None, dtype: str = "", at: int = 1, block: int = 0) -> str:
    """x / scale, rounded, plus zero point, saturated."""
    dtype = dtype or (call.importer.type(zero).dtype if zero is not None else "uint8")
    if block == 0 and (attributes := _known_parameters(call, x, scale, zero, at)) is not None:
        return call.apply("quantize_linear", x, dtype=dtype, **attributes)
    kind = call.importer.type(x).dtype
    scale, zero = (None if v is None else _along(call, v, x, at, block) for v in (scale, zero))  # type: ignore[assignment]
    assert scale is not None
    y = call.apply("round", call.apply("div", x, _as(call, scale, kind)))
    y = y if zero is None else call.apply("add", y, _as(call, zero, kind))
    least, most = RANGES[dtype]
    return call.apply("cast", call.apply("clamp", y, min=least, max=most), dtype=dtype)


def dequantize_linear(call: Call) -> str:
    """DequantizeLinear, by tensor, axis or block."""
    number = call.attribute("output_dtype", 0)
    wanted = ELEMENT_TYPES[number].name if number in ELEMENT_TYPES else call.type(1).dtype
    at, block = call.attribute("axis", 1), call.attribute("block_size", 0)
    y = dequantize(call, call.x, call.value(1), call.value(2) if call.has(2) else None, at, block)
    return _as(call, y, wanted)


def dequantize(call: Call, x: str, scale: str, zero: str | None, at: int = 1, block: int = 0) -> str:
    """(x - zero point) * scale in float32."""
    kind = call.importer.type(x)
    if block == 0 and kind.dtype in (*QUANTIZED, "int32"):
        attributes = _known_parameters(call, x, scale, zero, at)
        if attributes is not None:
            return call.apply("dequantize_linear", x, **attributes)
    if kind.dtype not in NUMBERS:
        call.refuse(f"quantized elements of {kind.dtype} are not supported")
    y = _as(call, x, "float32")
    if zero is not None:
        y = call.apply("sub", y, _as(call, _along(call, zero, x, at, block), "float32"))
    return call.apply("mul", y, _as(call, _along(call, scale, x, at, block), "float32"))


def _known_parameters(call: Call, x: str, scale: str, zero: str | None, at: int) -> dict[str, Any] | None:
    """Scale, zero point and axis as our operators have them, None if they are computed."""
    scales = call.importer.known(scale)
    zeros = np.zeros(1, np.int64) if zero is None else call.importer.known(zero)
    if scales is None or zeros is None:
        return None
    wrong = scales[~(np.isfinite(scales) & (np.asarray(scales, np.float32) > 0))].reshape(-1)
    if wrong.size:
        raise GraphError(f"scale: expected finite numbers above 0, found {wrong[0]}")
    if scales.ndim > 1:
        return None
    rank, by_axis = len(call.shape_of(x)), scales.size > 1
    at = axis(at, rank) if by_axis else at
    if by_axis and is_free(call.shape_of(x)[at]):
        return None
    return {
        "scale": tuple(map(float, scales.reshape(-1))),
        "zero_point": tuple(map(int, zeros.reshape(-1))),
        "axis": at if by_axis else None,
    }


def _along(call: Call, value: str, x: str, at: int, block: int) -> str:
    """Scales or zero points in a shape that broadcasts with x: a row lies along ``at``, blocks are repeated there."""
    shape, rank = call.shape_of(value), len(call.shape_of(x))
    if len(shape) == 0 or rank == 0:
        return value
    at = axis(at, rank)
    if block > 0:
        size = call.shape_of(x)[at]
        if is_free(size):
            call.fix((size,), "block_size is of a dimension whose size is free")
        return call.apply("slice", repeated(call, value, at, block), dim=at, end=size)
    return call.apply("reshape", value, shape=(-1, *[1] * (rank - 1 - at))) if len(shape) == 1 else value


def _as(call: Call, x: str, dtype: str) -> str:
    return x if call.importer.type(x).dtype == dtype else call.apply("cast", x, dtype=dtype)


def dynamic_quantize_linear(call: Call) -> list[str]:
    """DynamicQuantizeLinear: to uint8, by the scale and zero point that the values' range needs."""
    zero = call.constant(0, "float32")
    least = call.apply("minimum", call.apply("amin", call.x), zero)
    most = call.apply("maximum", call.apply("amax", call.x), zero)
    scale = call.apply("div", call.apply("sub", most, least), call.constant(255, "float32"))
    at_zero = call.apply("clamp", call.apply("div", call.apply("neg", least), scale), min=0, max=255)
    zero_point = call.apply("round", at_zero)
    places = call.apply("add", call.apply("round", call.apply("div", call.x, scale)), zero_point)
    y = call.apply("cast", call.apply("clamp", places, min=0, max=255), dtype="uint8")
    return [y, scale, call.apply("cast", zero_point, dtype="uint8")]


def qlinear_conv(call: Call) -> str:
    """QLinearConv; the bias has the scale of the products."""
    call.array(3, "weight")
    x = dequantize(call, call.x, call.value(1), call.value(2))
    weight = dequantize(call, call.value(3), call.value(4), call.value(5), at=0)
    bias = None
    if call.has(8):
        call.array(8, "bias")
        scale = call.apply("mul", call.value(1), call.value(4))
        bias = dequantize(call, call.value(8), scale, None, at=0)
    return quantize(call, convolve(call, x, weight, bias), call.value(6), call.value(7))


def qlinear_matmul(call: Call) -> str:
    """QLinearMatMul; scales of several are by row of A and by column of B."""
    a = dequantize(call, call.x, call.value(1), call.value(2), at=-2)
    b = dequantize(call, call.value(3), call.value(4), call.value(5), at=-1)
    return quantize(call, multiply(call, a, b), call.value(6), call.value(7), at=-1)


def conv_integer(call: Call) -> str:
    """ConvInteger: the convolution of x and w less their zero points, in int32."""
    call.array(1, "weight")
    x, weight = (_from_zero_point(call, i) for i in (0, 1))
    return call.apply("cast", call.apply("round", convolve(call, x, weight, None)), dtype="int32")


def _from_zero_point(call: Call, i: int) -> str:
    """Input ``i``, of which weights may have a zero point for each channel, less its zero point, in float32."""
    zero = call.value(2 + i) if call.has(2 + i) else None
    size = () if zero is None else call.shape_of(zero)
    return dequantize(call, call.value(i), call.constant(np.ones(size), "float32"), zero, at=0)


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("QuantizeLinear", 10): quantize_linear,
    ("DequantizeLinear", 10): dequantize_linear,
    ("DynamicQuantizeLinear", 11): dynamic_quantize_linear,
    ("QLinearConv", 10): qlinear_conv,
    ("QLinearMatMul", 10): qlinear_matmul,
    ("ConvInteger", 10): conv_integer,
}
