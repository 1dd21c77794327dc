"""Activations with attributes, and the one with a learnt parameter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation import activation_functions as functions
from tinyinfer.ops.activation.activation import Activation
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, cast, operator, require


@operator
class Gelu(Activation):
    """x * Phi(x), Phi the normal distribution; ``approximate`` "none" is exact, "tanh" the usual approximation."""

    name: ClassVar[str] = "gelu"
    function = staticmethod(functions.gelu)
    examples = ({}, {"approximate": "tanh"})

    approximate: str = "none"

    def __post_init__(self) -> None:
        good = self.approximate in ("none", "tanh")
        require(good, f"approximate: expected 'none' or 'tanh', found {self.approximate!r}")


@operator
class LeakyRelu(Activation):
    """x where positive, negative_slope * x elsewhere."""

    name: ClassVar[str] = "leaky_relu"
    function = staticmethod(functions.leaky_relu)
    examples = ({}, {"negative_slope": 0.2})

    negative_slope: float = 0.01


@operator
class Elu(Activation):
    """x where positive, alpha * (exp(x) - 1) elsewhere."""

    name: ClassVar[str] = "elu"
    function = staticmethod(functions.elu)
    examples = ({}, {"alpha": 0.5})

    alpha: float = 1.0


@operator
class Celu(Activation):
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere."""

    name: ClassVar[str] = "celu"
    function = staticmethod(functions.celu)
    examples = ({}, {"alpha": 0.5})

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.alpha != 0, "alpha: expected a number other than 0, found 0")


@operator
class Softplus(Activation):
    """log(1 + exp(beta x)) / beta, and x itself where beta x exceeds the threshold."""

    name: ClassVar[str] = "softplus"
    function = staticmethod(functions.softplus)
    examples = ({}, {"beta": 2.0, "threshold": 1.0})

    beta: float = 1.0
    threshold: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.beta > 0, f"beta: expected a number above 0, found {self.beta}")


@operator
class Hardtanh(Activation):
    """x, but no less than min_val and no more than max_val."""

    name: ClassVar[str] = "hardtanh"
    function = staticmethod(functions.hardtanh)
    examples = ({}, {"min_val": -0.5, "max_val": 0.25})

    min_val: float = -1.0
    max_val: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.min_val <= self.max_val, f"min_val {self.min_val} exceeds max_val {self.max_val}")


@operator
class Hardshrink(Activation):
    """x, but 0 from -lambd to lambd."""

    name: ClassVar[str] = "hardshrink"
    function = staticmethod(functions.hardshrink)

    lambd: float = 0.5


@operator
class Softshrink(Activation):
    """x moved towards 0 by lambd, and 0 from -lambd to lambd."""

    name: ClassVar[str] = "softshrink"
    function = staticmethod(functions.softshrink)

    lambd: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.lambd >= 0, f"lambd: expected at least 0, found {self.lambd}")


@operator
class Threshold(Activation):
    """x where it exceeds the threshold, value elsewhere."""

    name: ClassVar[str] = "threshold"
    function = staticmethod(functions.threshold)
    examples = ({"threshold": 0.1, "value": 20.0},)

    threshold: float
    value: float


class Prelu(Op):
    """x where positive, weight * x elsewhere; weight (C,) along dimension 1, or (1,) for all (He et al. 2015)."""

    name: ClassVar[str] = "prelu"
    param_names: ClassVar[tuple[str, ...]] = ("weight",)
    required_params: ClassVar[tuple[str, ...]] = ("weight",)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        shape, found = inputs[0].shape, params["weight"]
        channels = shape[1] if len(shape) > 1 else 1
        require(found.shape in ((1,), (channels,)), f"weight: expected shape 1 or {channels}, found {found}")
        return [inputs[0]]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        slope = cast(params, x.dtype)["weight"].reshape(-1, *[1] * max(x.ndim - 2, 0))
        return [np.where(x > 0, x, slope * x)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 5, 7, 3),), {"weight": (5,)}),
            Case({}, ((2, 5, 7, 3),), {"weight": (1,)}),
            Case({}, ((3, 11),), {"weight": (11,)}),
        ]


OPS = (Gelu, LeakyRelu, Elu, Celu, Softplus, Hardtanh, Hardshrink, Softshrink, Threshold, Prelu)
