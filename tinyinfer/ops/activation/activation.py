"""Activations without attributes, and the ones a convolution can carry as its epilogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation import activation_functions as functions
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, number, require

FUSABLE: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": functions.relu,
    "relu6": functions.relu6,
    "hardswish": functions.hardswish,
    "hardsigmoid": functions.hardsigmoid,
    "sigmoid": functions.sigmoid,
    "silu": functions.silu,
    "tanh": functions.tanh,
    "gelu": functions.gelu,
    "mish": functions.mish,
    "selu": functions.selu,
}
"""What conv2d, linear and add can carry as ``activation``: by name, without attributes."""


def apply_activation(name: str | None, y: np.ndarray) -> np.ndarray:
    """The fused epilogue called ``name``, or ``y`` itself for None."""
    return y if name is None else FUSABLE[name](y)


def check_activation(name: str | None) -> None:
    """Raise GraphError unless ``name`` is None or in `FUSABLE`."""
    known = name is None or (isinstance(name, str) and name in FUSABLE)
    require(known, f"activation: expected one of {', '.join(FUSABLE)} or none, found {name!r}")


class Activation(Op):
    """Base: applies ``function`` to every element, the operator's attributes as its arguments."""

    function: ClassVar[Callable[..., np.ndarray]]
    examples: ClassVar[tuple[Mapping[str, Any], ...]] = ({},)

    def __post_init__(self) -> None:
        self.normalize(**{name: number(value, name) for name, value in self.attrs.items()})

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [inputs[0]]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [type(self).function(inputs[0], **self.attrs)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case(attrs, (shape,)) for attrs in cls.examples for shape in ((2, 5, 7, 3), (3, 11))]


class Relu(Activation):
    """max(0, x)."""

    name: ClassVar[str] = "relu"
    function = staticmethod(functions.relu)


class Relu6(Activation):
    """min(max(0, x), 6)."""

    name: ClassVar[str] = "relu6"
    function = staticmethod(functions.relu6)


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    name: ClassVar[str] = "sigmoid"
    function = staticmethod(functions.sigmoid)


class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    name: ClassVar[str] = "hardsigmoid"
    function = staticmethod(functions.hardsigmoid)


class Hardswish(Activation):
    """x * relu6(x + 3) / 6."""

    name: ClassVar[str] = "hardswish"
    function = staticmethod(functions.hardswish)


class Silu(Activation):
    """x * sigmoid(x), also called swish."""

    name: ClassVar[str] = "silu"
    function = staticmethod(functions.silu)


class Tanh(Activation):
    """Hyperbolic tangent."""

    name: ClassVar[str] = "tanh"
    function = staticmethod(functions.tanh)


class Mish(Activation):
    """x * tanh(softplus(x))."""

    name: ClassVar[str] = "mish"
    function = staticmethod(functions.mish)


class Selu(Activation):
    """elu, scaled so that activations keep mean 0 and variance 1."""

    name: ClassVar[str] = "selu"
    function = staticmethod(functions.selu)


class Softsign(Activation):
    """x / (1 + |x|)."""

    name: ClassVar[str] = "softsign"
    function = staticmethod(functions.softsign)


class Logsigmoid(Activation):
    """log(sigmoid(x))."""

    name: ClassVar[str] = "logsigmoid"
    function = staticmethod(functions.logsigmoid)


class Tanhshrink(Activation):
    """x - tanh(x)."""

    name: ClassVar[str] = "tanhshrink"
    function = staticmethod(functions.tanhshrink)


OPS = (
    Relu,
    Relu6,
    Sigmoid,
    Hardsigmoid,
    Hardswish,
    Silu,
    Tanh,
    Mish,
    Selu,
    Softsign,
    Logsigmoid,
    Tanhshrink,
)
