"""Activations, and Clip."""

from __future__ import annotations

import math

import numpy as np

from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.elementwise import unary
from tinyinfer.ops.base import LARGEST_FLOAT

CLOSE = 1e-6  # attributes are float32: 1/6 comes as 0.16666667


def leaky_relu(call: Call) -> str:
    """LeakyRelu."""
    return call.apply("leaky_relu", call.x, negative_slope=call.attribute("alpha", 0.01))


def elu(call: Call) -> str:
    """Elu."""
    return call.apply("elu", call.x, alpha=call.attribute("alpha", 1.0))


def celu(call: Call) -> str:
    """Celu."""
    return call.apply("celu", call.x, alpha=call.attribute("alpha", 1.0))


def selu(call: Call) -> str:
    """Selu with its own two numbers, or a scaled Elu."""
    alpha, gamma = call.attribute("alpha", 1.6732632), call.attribute("gamma", 1.0507010)
    if abs(alpha - 1.6732632) < CLOSE and abs(gamma - 1.0507010) < CLOSE:
        return call.apply("selu", call.x)
    return scaled(call, call.apply("elu", call.x, alpha=alpha), gamma)


def thresholded_relu(call: Call) -> str:
    """ThresholdedRelu: 0 up to alpha."""
    return call.apply("threshold", call.x, threshold=call.attribute("alpha", 1.0), value=0.0)


def hard_sigmoid(call: Call) -> str:
    """HardSigmoid; that of MobileNet V3 has an operator, others are clamped lines."""
    alpha, beta = call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    if abs(alpha - 1 / 6) < CLOSE and beta == 0.5:
        return call.apply("hardsigmoid", call.x)
    return call.apply("clamp", scaled(call, call.x, alpha, beta), min=0.0, max=1.0)


def gelu(call: Call) -> str:
    """Gelu."""
    return call.apply("gelu", call.x, approximate=call.attribute("approximate", "none"))


def swish(call: Call) -> str:
    """Swish: x * sigmoid(alpha * x)."""
    alpha = call.attribute("alpha", 1.0)
    if alpha == 1:
        return call.apply("silu", call.x)
    return call.apply("mul", call.x, call.apply("sigmoid", scaled(call, call.x, alpha)))


def shrink(call: Call) -> str:
    """Shrink: two of torch's, and in general a choice between three."""
    bias, lambd = call.attribute("bias", 0.0), call.attribute("lambd", 0.5)
    dtype = call.type().dtype
    if dtype == "float32" and bias in (0, lambd) and lambd >= 0:
        return call.apply("hardshrink" if bias == 0 else "softshrink", call.x, lambd=lambd)
    upper, lower, shift, zero = (call.constant(value, dtype) for value in (lambd, -lambd, bias, 0))
    above, below = call.apply("gt", call.x, upper), call.apply("lt", call.x, lower)
    rest = call.apply("where", above, call.apply("sub", call.x, shift), zero)
    return call.apply("where", below, call.apply("add", call.x, shift), rest)


def prelu(call: Call) -> str:
    """PRelu with one slope or one for each channel; others broadcast."""
    slope, shape = call.known(1), call.shape()
    if slope is not None and slope.dtype == np.float32:
        channels = shape[1] if len(shape) > 1 else 1
        aligned = (1,) * (len(shape) - slope.ndim) + slope.shape
        if slope.size == 1 or aligned == (1, channels) + (1,) * (len(shape) - 2):
            return call.apply("prelu", call.x, params={"weight": call.apply("reshape", call.value(1), shape=(-1,))})
    zero = call.constant(0, call.type().dtype)
    scaled_part = call.apply("mul", call.value(1), call.x)
    return call.apply("where", call.apply("lt", call.x, zero), scaled_part, call.x)


def clip_by_attributes(call: Call) -> str:
    """Clip up to opset 10: the bounds are attributes."""
    return _clamp(call, call.attribute("min", -LARGEST_FLOAT), call.attribute("max", LARGEST_FLOAT))


def clip(call: Call) -> str:
    """Clip: bounds are inputs, each of which may be missing or computed."""
    bounds = [call.known(1), call.known(2)]
    if any(call.has(i + 1) and bound is None for i, bound in enumerate(bounds)):
        y = call.apply("maximum", call.x, call.value(1)) if call.has(1) else call.x
        return call.apply("minimum", y, call.value(2)) if call.has(2) else y
    return _clamp(call, *(None if bound is None else bound.item() for bound in bounds))


def _clamp(call: Call, least: float | None, most: float | None) -> str:
    """By numbers; those that bound nothing are left out."""
    dtype = call.type().dtype
    if dtype.startswith("float"):
        least, most = _bound(least, -1), _bound(most, 1)
        if (least, most) == (0, 6) and dtype == "float32":
            return call.apply("relu6", call.x)
        if (least, most) == (0, None) and dtype == "float32":
            return call.apply("relu", call.x)
    if least is None and most is None:
        return call.x
    return call.apply("clamp", call.x, min=least, max=most)


def _bound(value: float | None, sign: int) -> float | None:
    """None for what only infinities are beyond."""
    return None if value is None or value * sign >= LARGEST_FLOAT or math.isnan(value) else value


def scaled(call: Call, x: str, scale: float, shift: float = 0.0) -> str:
    """scale * x + shift, in one pass over batches of images and rows."""
    kind = call.importer.type(x)
    if len(kind.shape) in (2, 4) and kind.dtype == "float32":
        return call.apply("scale_shift", x, scale=scale, shift=shift)
    y = call.apply("mul", x, call.constant(scale, kind.dtype))
    return call.apply("add", y, call.constant(shift, kind.dtype)) if shift else y


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Relu", 1): unary("relu"),
    ("Sigmoid", 1): unary("sigmoid"),
    ("Tanh", 1): unary("tanh"),
    ("Softplus", 1): unary("softplus"),
    ("Softsign", 1): unary("softsign"),
    ("HardSwish", 14): unary("hardswish"),
    ("Mish", 18): unary("mish"),
    ("LeakyRelu", 1): leaky_relu,
    ("PRelu", 7): prelu,
    ("Elu", 1): elu,
    ("Celu", 12): celu,
    ("Selu", 6): selu,
    ("ThresholdedRelu", 10): thresholded_relu,
    ("HardSigmoid", 1): hard_sigmoid,
    ("Gelu", 20): gelu,
    ("Swish", 24): swish,
    ("Shrink", 9): shrink,
    ("Clip", 6): clip_by_attributes,
    ("Clip", 11): clip,
}
