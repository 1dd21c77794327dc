"""Activations in ONNX: its own operator where there is one, a composition where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable

from tinyinfer.formats.onnx.exporting.writer import Call


def epilogue(call: Call, value: str, residual: tuple[str, ...] = ()) -> str:
    """The fused epilogue of an operator: the residual, if there is one, then the activation."""
    for other in residual:
        value = call.add("Add", value, other)
    name = call.op.activation
    return value if name is None else PLAIN[name](call, value)


def _relu6(call: Call, x: str) -> str:
    return call.add("Clip", x, call.floats(0), call.floats(6))


def _hardsigmoid(call: Call, x: str) -> str:
    return call.add("HardSigmoid", x, alpha=1 / 6, beta=0.5)


def _silu(call: Call, x: str) -> str:
    return call.add("Mul", x, call.add("Sigmoid", x))


def _hardswish(call: Call, x: str) -> str:
    if call.knows("HardSwish"):
        return call.add("HardSwish", x)
    return call.add("Mul", x, _hardsigmoid(call, x))


def _mish(call: Call, x: str) -> str:
    if call.knows("Mish"):
        return call.add("Mish", x)
    return call.add("Mul", x, call.add("Tanh", call.add("Softplus", x)))


def _gelu(call: Call, x: str, approximate: str = "none") -> str:
    """Gelu, or what torch's exporter writes in opsets that do not have it."""
    if call.knows("Gelu"):
        return call.add("Gelu", x, approximate=approximate)
    if approximate == "tanh":
        cube = call.add("Mul", call.add("Pow", x, call.floats(3)), call.floats(0.044715))
        inner = call.add("Mul", call.add("Add", x, cube), call.floats(math.sqrt(2 / math.pi)))
        step = call.add("Tanh", inner)
    else:
        step = call.add("Erf", call.add("Div", x, call.floats(math.sqrt(2))))
    half = call.add("Mul", x, call.floats(0.5))
    return call.add("Mul", half, call.add("Add", step, call.floats(1)))


def _own(kind: str) -> Callable[[Call, str], str]:
    return lambda call, x: call.add(kind, x)


def _on_input(plain: Callable[[Call, str], str]) -> Callable[[Call], str]:
    return lambda call: plain(call, call.x)


PLAIN: dict[str, Callable[[Call, str], str]] = {
    "relu": _own("Relu"),
    "relu6": _relu6,
    "hardswish": _hardswish,
    "hardsigmoid": _hardsigmoid,
    "sigmoid": _own("Sigmoid"),
    "silu": _silu,
    "tanh": _own("Tanh"),
    "gelu": _gelu,
    "mish": _mish,
    "selu": _own("Selu"),
}
"""The activations without attributes, as operators and as epilogues."""


def gelu(call: Call) -> str:
    """Gelu, exact or by tanh."""
    return _gelu(call, call.x, call.op.approximate)


def leaky_relu(call: Call) -> str:
    """LeakyRelu."""
    return call.add("LeakyRelu", call.x, alpha=call.op.negative_slope)


def elu(call: Call) -> str:
    """Elu."""
    return call.add("Elu", call.x, alpha=call.op.alpha)


def celu(call: Call) -> str:
    """Celu."""
    return call.add("Celu", call.x, alpha=call.op.alpha)


def softplus(call: Call) -> str:
    """Softplus of the scaled input, and the input itself beyond the threshold."""
    scaled = call.add("Mul", call.x, call.floats(call.op.beta))
    soft = call.add("Div", call.add("Softplus", scaled), call.floats(call.op.beta))
    beyond = call.add("Greater", scaled, call.floats(call.op.threshold))
    return call.add("Where", beyond, call.x, soft)


def logsigmoid(call: Call) -> str:
    """-softplus(-x)."""
    return call.add("Neg", call.add("Softplus", call.add("Neg", call.x)))


def hardtanh(call: Call) -> str:
    """Clip."""
    return call.add("Clip", call.x, call.floats(call.op.min_val), call.floats(call.op.max_val))


def hardshrink(call: Call) -> str:
    """Shrink without a bias."""
    return call.add("Shrink", call.x, lambd=call.op.lambd, bias=0.0)


def softshrink(call: Call) -> str:
    """Shrink by lambd."""
    return call.add("Shrink", call.x, lambd=call.op.lambd, bias=call.op.lambd)


def threshold(call: Call) -> str:
    """The input where it exceeds the threshold, a constant elsewhere."""
    above = call.add("Greater", call.x, call.floats(call.op.threshold))
    return call.add("Where", above, call.x, call.floats(call.op.value))


def tanhshrink(call: Call) -> str:
    """x - tanh(x)."""
    return call.add("Sub", call.x, call.add("Tanh", call.x))


def softsign(call: Call) -> str:
    """Softsign."""
    return call.add("Softsign", call.x)


def prelu(call: Call) -> str:
    """PRelu, whose slope must broadcast from the right."""
    slope = call.weights["weight"].reshape(-1, *[1] * (len(call.shapes[0]) - 2))
    return call.add("PRelu", call.x, call.floats(slope))


def softmax(call: Call) -> str:
    """Softmax along one axis."""
    return call.add("Softmax", call.x, axis=call.op.dim)


def log_softmax(call: Call) -> str:
    """LogSoftmax along one axis."""
    return call.add("LogSoftmax", call.x, axis=call.op.dim)


EXPORTERS: dict[str, Callable[[Call], str]] = {
    **{name: _on_input(plain) for name, plain in PLAIN.items()},
    "gelu": gelu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "celu": celu,
    "softplus": softplus,
    "logsigmoid": logsigmoid,
    "hardtanh": hardtanh,
    "hardshrink": hardshrink,
    "softshrink": softshrink,
    "threshold": threshold,
    "tanhshrink": tanhshrink,
    "softsign": softsign,
    "prelu": prelu,
    "softmax": softmax,
    "log_softmax": log_softmax,
}
