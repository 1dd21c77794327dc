"""Operators that work element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import NCHW
from tinyinfer.formats.tflite.reading.tensors import WHOLE


def unary(op: str, **attrs: Any) -> TfliteLowering:
    """An operator with one input and no options."""

    def lower(call: TfliteCall) -> str:
        return call.unary(op, **attrs)

    return lower


def binary(op: str, **attrs: Any) -> TfliteLowering:
    """An operator with two inputs that broadcast, and maybe an activation behind it."""

    def lower(call: TfliteCall) -> str:
        call.ignore("pot_scale_int16")
        values, order = call.aligned(0, 1)
        return call.placed_as(call.activated(call.apply(op, *values, **attrs)), order)

    return lower


def predicate(op: str) -> TfliteLowering:
    """A comparison, or logic between two inputs that broadcast."""

    def lower(call: TfliteCall) -> str:
        values, order = call.aligned(0, 1)
        return call.placed_as(call.apply(op, *values), order)

    return lower


def div(call: TfliteCall) -> str:
    """DIV: of whole numbers the quotient cut off."""
    (a, b), order = call.aligned(0, 1)
    whole = call.importer.type(a).dtype == "int64"
    value = call.apply("div", a, b, rounding_mode="trunc" if whole else None)
    return call.placed_as(call.activated(value), order)


def squared_difference(call: TfliteCall) -> str:
    """SQUARED_DIFFERENCE: (a - b)^2."""
    values, order = call.aligned(0, 1)
    difference = call.apply("sub", *values)
    return call.placed_as(call.apply("mul", difference, difference), order)


def square(call: TfliteCall) -> str:
    """SQUARE: x^2."""
    value, order = call.placed()
    return call.placed_as(call.apply("mul", value, value), order)


def rsqrt(call: TfliteCall) -> str:
    """RSQRT: 1 / sqrt(x)."""
    value, order = call.placed()
    return call.placed_as(call.apply("reciprocal", call.apply("sqrt", value)), order)


def add_n(call: TfliteCall) -> str:
    """ADD_N: the sum of any number of inputs."""
    values, order = call.aligned(*range(len(call.inputs)))
    total = values[0]
    for value in values[1:]:
        total = call.apply("add", total, value)
    return call.placed_as(total, order)


def leaky_relu(call: TfliteCall) -> str:
    """LEAKY_RELU."""
    return call.unary("leaky_relu", negative_slope=call.attribute("alpha"))


def gelu(call: TfliteCall) -> str:
    """GELU."""
    return call.unary("gelu", approximate="tanh" if call.attribute("approximate") else "none")


def prelu(call: TfliteCall) -> str:
    """PRELU: a slope for each channel, or one that broadcasts in another way."""
    alpha, shape = call.known(1), call.shape()
    in_a_row = alpha is not None and alpha.shape[-1:] in ((1,), shape[-1:]) and alpha.size == alpha.shape[-1]
    if in_a_row and len(shape) in (2, len(NCHW)):
        value = call.nchw() if len(shape) == len(NCHW) else call.plain()
        return call.image(call.apply("prelu", value, params={"weight": call.values.weights.row(call.plain(1))}))
    (x, slope), order = call.aligned(0, 1)
    zero = call.constant(0, np.float32)
    below = call.apply("mul", slope, call.apply("minimum", x, zero))
    return call.placed_as(call.apply("add", call.apply("relu", x), below), order)


def select(call: TfliteCall) -> str:
    """SELECT and SELECT_V2; the first takes a condition of one dimension for the first of the others."""
    rank = len(call.shape(1))
    if call.node.op_type == "SELECT" and len(call.shape(0)) == 1 < rank:
        x, other = call.plain(1), call.plain(2)
        condition = call.apply("unsqueeze", call.plain(), dim=tuple(range(1, rank)))
        return call.values.add(call.apply("where", condition, x, other))
    values, order = call.aligned(0, 1, 2)
    return call.placed_as(call.apply("where", *values), order)


def same_value(call: TfliteCall) -> str:
    """DEQUANTIZE, QUANTIZE and DENSIFY: values are real numbers and dense here all along."""
    return call.value(0)


def cast(call: TfliteCall) -> str:
    """CAST: to whole numbers, to floats or to truth values."""
    call.ignore("in_data_type", "out_data_type")
    value, order = call.placed()
    to, of = call.tensor().dtype, call.importer.type(value).dtype
    wanted = "bool" if to == "bool" else "int64" if to in WHOLE else "float32" if to.startswith("float") else None
    if wanted is None:
        call.refuse(f"to {to} is not supported")
    return call.value(0) if of == wanted else call.placed_as(call.apply("cast", value, dtype=wanted), order)


def softmax(call: TfliteCall) -> str:
    """SOFTMAX: along the last dimension, of beta x."""
    value, order = call.placed()
    beta = call.attribute("beta")
    if not order:
        raise GraphError("input: expected rank 1 or more, found a scalar")
    if beta != 1:
        value = call.apply("mul", value, call.constant(beta, np.float32))
    return call.placed_as(call.apply("softmax", value, dim=order.index(len(order) - 1)), order)


def log_softmax(call: TfliteCall) -> str:
    """LOG_SOFTMAX: along the last dimension."""
    value, order = call.placed()
    return call.placed_as(call.apply("log_softmax", value, dim=order.index(len(order) - 1)), order)


UNARY = {
    "RELU": "relu", "RELU6": "relu6", "LOGISTIC": "sigmoid", "TANH": "tanh", "ELU": "elu", "HARD_SWISH": "hardswish",
    "ABS": "abs", "NEG": "neg", "EXP": "exp", "LOG": "log", "SQRT": "sqrt", "FLOOR": "floor", "CEIL": "ceil",
    "ROUND": "round", "LOGICAL_NOT": "logical_not", "SIN": "sin",
    "COS": "cos", "SIGN": "sign",
}  # fmt: skip
BINARY = {"ADD": "add", "SUB": "sub", "MUL": "mul", "MAXIMUM": "maximum", "MINIMUM": "minimum", "POW": "pow",
          "FLOOR_MOD": "remainder"}  # fmt: skip
PREDICATES = {
    "EQUAL": "eq", "NOT_EQUAL": "ne", "LESS": "lt", "LESS_EQUAL": "le", "GREATER": "gt", "GREATER_EQUAL": "ge",
    "LOGICAL_AND": "logical_and", "LOGICAL_OR": "logical_or",
}  # fmt: skip

LOWERINGS: dict[str, TfliteLowering] = {
    **{name: unary(op) for name, op in UNARY.items()},
    **{name: binary(op) for name, op in BINARY.items()},
    **{name: predicate(op) for name, op in PREDICATES.items()},
    "RELU_N1_TO_1": unary("hardtanh"),
    "RELU_0_TO_1": unary("hardtanh", min_val=0.0),
    "DIV": div,
    "FLOOR_DIV": binary("div", rounding_mode="floor"),
    "SQUARED_DIFFERENCE": squared_difference,
    "SQUARE": square,
    "RSQRT": rsqrt,
    "ADD_N": add_n,
    "LEAKY_RELU": leaky_relu,
    "GELU": gelu,
    "PRELU": prelu,
    "SELECT": select,
    "SELECT_V2": select,
    "DEQUANTIZE": same_value,
    "QUANTIZE": same_value,
    "DENSIFY": same_value,
    "CAST": cast,
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": log_softmax,
}
