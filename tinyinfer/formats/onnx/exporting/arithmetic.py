"""Arithmetic, comparisons and conversions of numbers in ONNX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import helper

from tinyinfer.formats.onnx.exporting.writer import Call
from tinyinfer.ops.dtypes import INTEGERS

UNSIGNED = {"uint8": "uint8", "int8": "uint8", "int32": "uint32", "int64": "uint64"}  # of as many bits


def _own(kind: str) -> Callable[[Call], str]:
    """ONNX's operator of the same meaning, inputs as they are."""
    return lambda call: call.add(kind, *call.node.inputs)


OWN = {
    "sub": "Sub",
    "mul": "Mul",
    "pow": "Pow",
    "minimum": "Min",
    "maximum": "Max",
    "matmul": "MatMul",
    "neg": "Neg",
    "abs": "Abs",
    "sign": "Sign",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "reciprocal": "Reciprocal",
    "erf": "Erf",
    "floor": "Floor",
    "ceil": "Ceil",
    "round": "Round",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "asin": "Asin",
    "acos": "Acos",
    "atan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "asinh": "Asinh",
    "acosh": "Acosh",
    "atanh": "Atanh",
    "isnan": "IsNaN",
    "isinf": "IsInf",
    "eq": "Equal",
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "logical_and": "And",
    "logical_or": "Or",
    "logical_xor": "Xor",
    "logical_not": "Not",
    "where": "Where",
}


def div(call: Call) -> str:
    """Div, which cuts off the fraction of integers; other roundings are composed."""
    a, b = call.node.inputs
    if call.dtypes[0] in INTEGERS:
        if call.op.rounding_mode == "floor":  # ONNX's Mod has the sign of the divisor
            a = call.add("Sub", a, call.add("Mod", a, b))
        return call.add("Div", a, b)
    quotient = call.add("Div", a, b)
    if call.op.rounding_mode == "floor":
        return call.add("Floor", quotient)
    if call.op.rounding_mode == "trunc":
        return call.add("Mul", call.add("Sign", quotient), call.add("Floor", call.add("Abs", quotient)))
    return quotient


def remainder(call: Call) -> str:
    """Mod, which takes integers alone; for floats by its definition."""
    a, b = call.node.inputs
    if call.dtypes[0] in INTEGERS:
        return call.add("Mod", a, b)
    return call.add("Sub", a, call.add("Mul", b, call.add("Floor", call.add("Div", a, b))))


def fmod(call: Call) -> str:
    """Mod as C has it."""
    return call.add("Mod", *call.node.inputs, fmod=1)


def left_shift(call: Call) -> str:
    """BitShift, which takes unsigned numbers: the bits are the same."""
    (dtype, bits), operands = (call.dtypes[0], UNSIGNED[call.dtypes[0]]), call.node.inputs
    if dtype == bits:
        return call.add("BitShift", *operands, direction="LEFT")
    return _to(call, call.add("BitShift", *(_to(call, x, bits) for x in operands), direction="LEFT"), dtype)


def right_shift(call: Call) -> str:
    """BitShift; for signed numbers a division by a power of two, rounded down."""
    if call.dtypes[0] == "uint8":
        return call.add("BitShift", *call.node.inputs, direction="RIGHT")
    a, places = call.node.inputs
    power = _to(call, call.add("Pow", call.floats(2), _to(call, places, "float32")), call.dtypes[0])
    return call.add("Div", call.add("Sub", a, call.add("Mod", a, power)), power)


def _to(call: Call, x: str, dtype: str) -> str:
    return call.add("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def ne(call: Call) -> str:
    """Not Equal."""
    return call.add("Not", call.add("Equal", *call.node.inputs))


def clamp(call: Call) -> str:
    """Clip between numbers; Max and Min with tensors, which Clip does not take."""
    if len(call.node.inputs) == 3:
        x, lower, upper = call.node.inputs
        return call.add("Min", call.add("Max", x, lower), upper)
    bounds = call.op.bounds_in(np.dtype(call.dtypes[0]))
    return call.add("Clip", call.x, *("" if bound is None else call.constant(bound) for bound in bounds))


def cast(call: Call) -> str:
    """Cast; what integers can't hold is open in ONNX."""
    return call.add("Cast", call.x, to=helper.np_dtype_to_tensor_dtype(np.dtype(call.op.dtype)))


def quantize_linear(call: Call) -> str:
    """QuantizeLinear."""
    return _linear(call, "QuantizeLinear", call.op.dtype)


def dequantize_linear(call: Call) -> str:
    """DequantizeLinear."""
    return _linear(call, "DequantizeLinear", call.dtypes[0])


def _linear(call: Call, kind: str, dtype: str) -> str:
    op = call.op
    scale, zero = np.asarray(op.scale, np.float32), np.broadcast_to(op.zero_point, len(op.scale)).astype(dtype)
    if op.axis is None:
        return call.add(kind, call.x, call.floats(scale[0]), call.constant(zero[0]))
    return call.add(kind, call.x, call.floats(scale), call.constant(zero), axis=op.axis)


EXPORTERS: dict[str, Callable[[Call], str]] = {
    **{name: _own(kind) for name, kind in OWN.items()},
    "div": div,
    "remainder": remainder,
    "fmod": fmod,
    "bitwise_and": _own("BitwiseAnd"),
    "bitwise_or": _own("BitwiseOr"),
    "bitwise_xor": _own("BitwiseXor"),
    "bitwise_not": _own("BitwiseNot"),
    "bitwise_left_shift": left_shift,
    "bitwise_right_shift": right_shift,
    "ne": ne,
    "clamp": clamp,
    "cast": cast,
    "quantize_linear": quantize_linear,
    "dequantize_linear": dequantize_linear,
}
