"""Arithmetic between blobs, with ncnn's broadcasting, and per-channel constants."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from tinyinfer import ops
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.activations import power
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

# BinaryOp's operations in their order: ours, and whether the second operand comes first
BINARY = (
    ("add", False), ("sub", False), ("mul", False), ("div", False), ("maximum", False), ("minimum", False),
    ("pow", False), ("sub", True), ("div", True), ("pow", True), ("atan2", False), ("atan2", True),
)  # fmt: skip
ELTWISE = ("mul", "add", "maximum")
FROM_BLOB = -233  # in the place of a size: the scales are a second input


def _binary_op(call: Call, p: Parameters) -> str:
    kind = p.integer("op_type")
    if not 0 <= kind < len(BINARY) or BINARY[kind][0] not in ops.names():
        call.refuse(f"operation {kind} is not supported")
    op, swapped = BINARY[kind]
    if p.flag("with_scalar"):
        return _with_number(call, op, swapped, call.x, p.number("b"))
    a, b = aligned(call, call.x, call.value(1))
    return call.apply(op, *((b, a) if swapped else (a, b)))


def _with_number(call: Call, op: str, swapped: bool, x: str, b: float) -> str:
    """An operation with one number, as an operator that can become part of a convolution where there is one."""
    match op, swapped:
        case ("add", _):
            return call.apply("scale_shift", x, shift=(b,))
        case ("sub", False):
            return call.apply("scale_shift", x, shift=(-b,))
        case ("sub", True):
            return call.apply("scale_shift", x, scale=(-1.0,), shift=(b,))
        case ("mul", _):
            return call.apply("scale_shift", x, scale=(b,))
        case ("maximum", _):
            return call.apply("clamp", x, min=b)
        case ("minimum", _):
            return call.apply("clamp", x, max=b)
        case ("pow", False):
            return power(call, x, b)
    number = call.constant(b, "float32")
    return call.apply(op, *((number, x) if swapped else (x, number)))


def aligned(call: Call, a: str, b: str) -> tuple[str, str]:
    """Two values of one rank: a blob of fewer dimensions has the outer ones of the other, where NumPy takes the inner.

    A vector as long as the innermost dimension, and not as the outermost, is one of that.
    """
    sa, sb = call.shape_of(a), call.shape_of(b)
    if len(sa) > len(sb):
        return a, _widened(call, b, sb, sa)
    if len(sb) > len(sa):
        return _widened(call, a, sa, sb), b
    return a, b


def _widened(call: Call, value: str, shape: Sequence[int], like: Sequence[int]) -> str:
    missing = len(like) - len(shape)
    inner = len(shape) == 2 and shape[1] not in (1, like[1]) and shape[1] == like[-1]
    first = 1 if inner else len(shape)
    return call.apply("unsqueeze", value, dim=tuple(range(first, first + missing)))


def _eltwise(call: Call, p: Parameters) -> str:
    kind, coeffs = p.integer("op_type"), p.numbers("coeffs")
    if not 0 <= kind < len(ELTWISE):
        call.refuse(f"operation {kind} is not known")
    values = [call.value(i) for i in range(len(call.inputs))]
    if coeffs and kind == 1:
        if len(coeffs) != len(values):
            call.refuse(f"coeffs: expected {len(values)} numbers, found {len(coeffs)}")
        values = [
            v if c == 1 else call.apply("scale_shift", v, scale=(c,)) for v, c in zip(values, coeffs, strict=True)
        ]
    return reduce(lambda a, b: call.apply(ELTWISE[kind], a, b), values)


def per_channel(array: np.ndarray, rank: int) -> np.ndarray:
    """Numbers for the channels of a value of this rank, in a shape that broadcasts: (C, 1, 1) or (1,)."""
    return array.reshape(-1, *[1] * (rank - 2))


def scaled(call: Call, x: str, scale: np.ndarray | None, bias: np.ndarray | None) -> str:
    """x * scale + bias, of every channel."""
    rank = len(call.shape_of(x))
    if scale is not None and scale.size == call.shape_of(x)[1]:
        x = call.apply("layer_scale", x, params={"gamma": scale})
    elif scale is not None:
        x = call.apply("mul", x, call.constant(per_channel(scale, rank)))
    return x if bias is None else call.apply("add", x, call.constant(per_channel(bias, rank)))


def _scale(call: Call, p: Parameters) -> str:
    bias = call.attribute("bias") if p.flag("bias_term") else None
    if p.integer("scale_data_size") != FROM_BLOB:
        return scaled(call, call.x, call.attribute("scale"), bias)
    a, b = aligned(call, call.x, call.value(1))
    return scaled(call, call.apply("mul", a, b), None, bias)


def _scale_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    size = p.integer("scale_data_size", least=FROM_BLOB)
    if size == FROM_BLOB:
        return {}
    found = {"scale": weights.plain(max(size, 0))}
    return found | ({"bias": weights.plain(max(size, 0))} if p.flag("bias_term") else {})


def _bias(call: Call, p: Parameters) -> str:
    p.integer("bias_data_size")
    return scaled(call, call.x, None, call.attribute("bias"))


def _bias_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    return {"bias": weights.plain(p.integer("bias_data_size", least=1))}


def _dropout(call: Call, p: Parameters) -> str:
    scale = p.number("scale", 1.0)
    return call.x if scale == 1 else call.apply("scale_shift", call.x, scale=(scale,))


LAYERS: Layers = {
    "Bias": LayerKind(_bias, {0: "bias_data_size"}, _bias_weights),
    "BinaryOp": LayerKind(_binary_op, {0: "op_type", 1: "with_scalar", 2: "b"}),
    "Dropout": LayerKind(_dropout, {0: "scale"}),
    "Eltwise": LayerKind(_eltwise, {0: "op_type", 1: "coeffs"}),
    "Scale": LayerKind(_scale, {0: "scale_data_size", 1: "bias_term"}, _scale_weights),
}
