"""Activations that files have as arithmetic."""

from __future__ import annotations

import math

from tinyinfer.ops.activation.activation import (
    Hardsigmoid,
    Hardswish,
    Logsigmoid,
    Mish,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softsign,
    Tanhshrink,
)
from tinyinfer.ops.activation.parametric_activation import Gelu, LeakyRelu, Softplus, Threshold
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import CLOSE, Match
from tinyinfer.passes.portable.recognise.patterns.pattern import AnyNumber, Number, Value, apply, either_order
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, becomes, rewrite

x = Value("x")

RELU = (
    apply("clamp", x, min=0.0, max=None)
    | either_order("maximum", x, Number(0))
    | apply("threshold", x, threshold=0.0, value=0.0)
)
CLIPPED_AT_6 = (
    apply("clamp", x, min=0.0, max=6.0)
    | apply("hardtanh", x, min_val=0.0, max_val=6.0)
    | apply("clamp", apply("relu", x), min=None, max=6.0)
    | apply("clamp", apply("relu", x), min=0.0, max=6.0)
    | either_order("minimum", apply("relu", x), Number(6))
)
HARDSIGMOID = apply("relu6", x + 3) / 6 | apply("clamp", x / 6 + 0.5, min=0.0, max=1.0)
HARDSWISH = x * apply("relu6", x + 3) / 6 | x * apply("hardsigmoid", x)
SOFTPLUS = apply("log", apply("exp", x) + 1)
CUBIC = x + x * x * x * 0.044715
GELU = x * (apply("erf", x / math.sqrt(2)) + 1) * 0.5
GELU_BY_TANH = (
    x * (apply("tanh", CUBIC * math.sqrt(2 / math.pi)) + 1) * 0.5
    | x * (apply("tanh", x * (x * x * 0.044715 + 1) * math.sqrt(2 / math.pi)) + 1) * 0.5
)
SCALED = x * AnyNumber("beta")
SCALED_SOFTPLUS = apply("softplus", SCALED, beta=1.0) * AnyNumber("inverse")
LEAKY_RELU = either_order("maximum", x, x * AnyNumber("slope"))


LINE = x * AnyNumber("slope") + AnyNumber("offset")
HARDSIGMOID_OF_LINE = apply("clamp", LINE, min=0.0, max=1.0)
HARDSIGMOID_OF_SCALED = apply("clamp", apply("scale_shift", x, name="line"), min=0.0, max=1.0)


def _hardsigmoid(match: Match) -> Made | None:
    """The hard sigmoid of ONNX and Keras, of any slope: that of a sixth where what it is of is scaled instead."""
    if "line" in match.values:
        line = match.node("line").op
        assert isinstance(line, ScaleShift)
        if len(line.scale) > 1 or len(line.shift) > 1:
            return None
        slope, offset = line.scale[0], line.shift[0]
    else:
        slope, offset = match.numbers["slope"], match.numbers["offset"]
    if len(match.nodes) < 2 or len(match.shape("x")) < 2 or match.type("x").dtype != "float32":
        return None
    scaling = ScaleShift((6 * slope,), (6 * offset - 3,))
    scaled = match.editing.insert(scaling, f"{match.root.name}:scaled", match["x"])
    return Made(Hardsigmoid(), (scaled,))


def _leaky_relu(match: Match) -> Made | None:
    slope = match.numbers["slope"]
    return Made(LeakyRelu(slope), (match["x"],)) if 0 < slope < 1 else None


def _scaled_softplus(match: Match) -> Made | None:
    if not math.isclose(match.numbers["beta"] * match.numbers["inverse"], 1, rel_tol=CLOSE):
        return None
    return Made(Softplus(match.numbers["beta"], match.numbers["threshold"]), (match["x"],))


def _threshold(match: Match) -> Made:
    return Made(Threshold(match.numbers["threshold"], match.numbers["value"]), (match["x"],))


# those that others are made of come first
RULES = (
    Rule(RELU, becomes(Relu())),
    Rule(CLIPPED_AT_6, becomes(Relu6())),
    Rule(apply("reciprocal", apply("exp", -x) + 1), becomes(Sigmoid())),
    Rule(apply("div", Number(1), apply("exp", -x) + 1), becomes(Sigmoid())),
    Rule(HARDSIGMOID, becomes(Hardsigmoid())),
    Rule(HARDSIGMOID_OF_LINE, _hardsigmoid),
    Rule(HARDSIGMOID_OF_SCALED, _hardsigmoid),
    Rule(HARDSWISH, becomes(Hardswish())),
    Rule(x * apply("sigmoid", x), becomes(Silu())),
    Rule(apply("div", x, apply("exp", -x) + 1), becomes(Silu())),
    Rule(SOFTPLUS, becomes(Softplus())),
    Rule(x * apply("tanh", apply("softplus", x, beta=1.0)), becomes(Mish())),
    Rule(-apply("softplus", -x, beta=1.0), becomes(Logsigmoid())),
    Rule(apply("log", apply("sigmoid", x)), becomes(Logsigmoid())),
    Rule(GELU, becomes(Gelu())),
    Rule(GELU_BY_TANH, becomes(Gelu("tanh"))),
    Rule(LEAKY_RELU, _leaky_relu),
    Rule(apply("where", apply("gt", SCALED, AnyNumber("threshold")), x, SCALED_SOFTPLUS), _scaled_softplus),
    Rule(apply("where", apply("gt", x, AnyNumber("threshold")), x, AnyNumber("value")), _threshold),
    Rule(apply("sub", x, apply("tanh", x)), becomes(Tanhshrink())),
    Rule(apply("div", x, apply("abs", x) + 1), becomes(Softsign())),
)


def recognise_activations(editing: Editing) -> None:
    """Make activations of arithmetic the activation that they are."""
    rewrite(editing, RULES)
