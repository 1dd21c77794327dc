"""Activations: operators over `activation_functions`, and the ones a convolution can carry as its ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops import activation_functions as functions
from tinyinfer.ops.base import Arrays, Case, Op, Params, require

Function = Callable[[np.ndarray], np.ndarray]

FUSABLE: Mapping[str, Function] = {
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
"""Activations without attributes, which conv2d, linear and add carry as ``activation``."""


def apply_activation(name: str | None, y: np.ndarray) -> np.ndarray:
    """The fused ending called ``name``, or ``y`` itself for None."""
    return y if name is None else FUSABLE[name](y)


class Elementwise(Op):
    """One input, an output of the same shape."""

    def infer(self, inputs: Sequence[TensorType], params: Mapping[str, TensorType]) -> list[TensorType]:
        return [inputs[0]]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 7, 3),)), Case({}, ((3, 11),))]


class Activation(Elementwise):
    """An activation without attributes: its function is found in `FUSABLE` by its name."""

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [apply_activation(self.name, inputs[0])]


@dataclass(frozen=True)
class Relu(Activation):
    """max(0, x)."""

    name: ClassVar[str] = "relu"


@dataclass(frozen=True)
class Relu6(Activation):
    """min(max(0, x), 6)."""

    name: ClassVar[str] = "relu6"


@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    name: ClassVar[str] = "sigmoid"


@dataclass(frozen=True)
class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    name: ClassVar[str] = "hardsigmoid"


@dataclass(frozen=True)
class Hardswish(Activation):
    """x * relu6(x + 3) / 6."""

    name: ClassVar[str] = "hardswish"


@dataclass(frozen=True)
class Silu(Activation):
    """x * sigmoid(x), also called swish."""

    name: ClassVar[str] = "silu"


@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent."""

    name: ClassVar[str] = "tanh"


@dataclass(frozen=True)
class Mish(Activation):
    """x * tanh(softplus(x))."""

    name: ClassVar[str] = "mish"


@dataclass(frozen=True)
class Selu(Activation):
    """Scaled elu with fixed constants."""

    name: ClassVar[str] = "selu"


@dataclass(frozen=True)
class Gelu(Elementwise):
    """x * Phi(x); ``approximate`` "none" uses the error function, "tanh" its approximation."""

    name: ClassVar[str] = "gelu"

    approximate: str = "none"

    def __post_init__(self) -> None:
        require(
            self.approximate in ("none", "tanh"),
            f"approximate: expected 'none' or 'tanh', found {self.approximate!r}",
        )

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [functions.gelu(inputs[0], self.approximate)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 7, 3),)), Case({"approximate": "tanh"}, ((3, 11),))]


@dataclass(frozen=True)
class LeakyRelu(Elementwise):
    """x where positive, negative_slope * x elsewhere."""

    name: ClassVar[str] = "leaky_relu"

    negative_slope: float = 0.01

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [functions.leaky_relu(inputs[0], self.negative_slope)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 7, 3),)), Case({"negative_slope": 0.2}, ((3, 11),))]


@dataclass(frozen=True)
class Elu(Elementwise):
    """x where positive, alpha * (exp(x) - 1) elsewhere."""

    name: ClassVar[str] = "elu"

    alpha: float = 1.0

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [functions.elu(inputs[0], self.alpha)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 7, 3),)), Case({"alpha": 0.5}, ((3, 11),))]


@dataclass(frozen=True)
class Celu(Elementwise):
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere."""

    name: ClassVar[str] = "celu"

    alpha: float = 1.0

    def __post_init__(self) -> None:
        require(self.alpha != 0, "alpha: expected a number other than 0, found 0")

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [functions.celu(inputs[0], self.alpha)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 7, 3),)), Case({"alpha": 0.5}, ((3, 11),))]


@dataclass(frozen=True)
class Softplus(Elementwise):
    """log(1 + exp(beta x)) / beta, and x itself where beta x exceeds the threshold."""

    name: ClassVar[str] = "softplus"

    beta: float = 1.0
    threshold: float = 20.0

    def __post_init__(self) -> None:
        require(self.beta > 0, f"beta: expected a number above 0, found {self.beta}")

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [functions.softplus(inputs[0], self.beta, self.threshold)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 7, 3),)), Case({"beta": 2.0, "threshold": 1.0}, ((3, 11),))]


@dataclass(frozen=True)
class Prelu(Op):
    """x where positive, weight * x elsewhere; weight (C,) along axis 1, or (1,) for all channels (He et al. 2015)."""

    name: ClassVar[str] = "prelu"
    param_names: ClassVar[tuple[str, ...]] = ("weight",)
    required_params: ClassVar[tuple[str, ...]] = ("weight",)

    def infer(self, inputs: Sequence[TensorType], params: Mapping[str, TensorType]) -> list[TensorType]:
        shape = inputs[0].shape
        channels = shape[1] if len(shape) > 1 else 1
        found = params["weight"]
        require(found.shape in ((1,), (channels,)), f"weight: expected shape 1 or {channels}, found {found}")
        return [inputs[0]]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        slope = params["weight"].reshape(-1, *[1] * (x.ndim - 2))
        return [np.where(x > 0, x, slope * x)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 5, 7, 3),), {"weight": (5,)}),
            Case({}, ((2, 5, 7, 3),), {"weight": (1,)}),
            Case({}, ((3, 11),), {"weight": (11,)}),
        ]
