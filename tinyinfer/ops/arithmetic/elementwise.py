"""Arithmetic between two tensors, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import TensorType
from tinyinfer.ops.activation.activation import apply_activation, check_activation
from tinyinfer.ops.arithmetic.broadcasting import broadcast_shape
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, operator, require, require_same_dtype
from tinyinfer.ops.dtypes import INTEGERS, NUMBERS


class Arithmetic(Op):
    """Base: ``function`` of two inputs of one dtype whose shapes broadcast, such as (N, C, H, W) and (N, C, 1, 1).

    The output has the dtype of the inputs; integers wrap around.
    """

    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = NUMBERS
    function: ClassVar[Callable[..., np.ndarray]]

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        dtype = require_same_dtype(inputs)
        return [TensorType(broadcast_shape(inputs), dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        with np.errstate(all="ignore"):  # the rules of floating point are meant
            return [np.asarray(type(self).function(*inputs))]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 7, 5, 6), (2, 7, 5, 6))),
            Case({}, ((2, 19, 5, 6), (2, 19, 1, 1))),
            Case({}, ((1, 19, 1, 1), (2, 19, 5, 6))),
            Case({}, ((2, 19, 5, 6), (19, 1, 1))),
            Case({}, ((1, 1, 1, 1), (1, 3, 2, 4))),
            Case({}, ((3, 11), (3, 11))),
            Case({}, ((5, 1, 3), (2, 1, 4, 3))),
            Case({}, ((), (3, 2))),
            Case({}, ((2, 3, 37), (37,))),
            Case({}, ((2, 1, 5, 6), (2, 19, 5, 6))),
            Case({}, ((2, 3, 5, 7), (1, 5, 7))),
            Case({}, ((1, 5), (3, 5))),
            Case({}, ((2, 17, 3, 4), (1,))),
            Case({}, ((2, 3, 4, 5, 3), (1, 1, 1))),
            Case({}, ((3,), (2, 3)), dtypes=("int64", "int64")),
        ]


@operator
class Add(Arithmetic):
    """y = activation(a + b)."""

    name: ClassVar[str] = "add"
    follows_sizes: ClassVar[bool] = True
    function = staticmethod(np.add)

    activation: str | None = None

    def __post_init__(self) -> None:
        check_activation(self.activation)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [apply_activation(self.activation, y) for y in super().reference(inputs, params)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [*super().cases(), Case({"activation": "relu"}, ((2, 7, 5, 6), (2, 7, 5, 6)))]


class Sub(Arithmetic):
    """y = a - b."""

    name: ClassVar[str] = "sub"
    follows_sizes: ClassVar[bool] = True
    function = staticmethod(np.subtract)


class Mul(Arithmetic):
    """y = a * b; squeeze-and-excitation multiplies (N, C, H, W) by gates of (N, C, 1, 1)."""

    name: ClassVar[str] = "mul"
    follows_sizes: ClassVar[bool] = True
    function = staticmethod(np.multiply)


class Minimum(Arithmetic):
    """The smaller of a and b; NaN where either is."""

    name: ClassVar[str] = "minimum"
    function = staticmethod(np.minimum)


class Maximum(Arithmetic):
    """The larger of a and b; NaN where either is."""

    name: ClassVar[str] = "maximum"
    function = staticmethod(np.maximum)


@operator
class Div(Arithmetic):
    """y = a / b, rounded to a whole number as ``rounding_mode`` says: "trunc" towards 0, "floor" down, None not at all.

    Integers need a rounding mode, and raise InputError for a divisor of 0.
    """

    name: ClassVar[str] = "div"

    rounding_mode: str | None = None

    def __post_init__(self) -> None:
        known = self.rounding_mode in (None, "trunc", "floor")
        require(known, f"rounding_mode: expected 'trunc', 'floor' or none, found {self.rounding_mode!r}")

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        outputs = super().output_types(inputs, params)
        whole = outputs[0].dtype in INTEGERS
        require(not whole or self.rounding_mode is not None, "rounding_mode: expected 'trunc' or 'floor' for integers")
        return outputs

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        a, b = inputs
        if self.rounding_mode is None:
            with np.errstate(all="ignore"):
                return [np.asarray(a / b)]
        if str(a.dtype) in INTEGERS and not b.all():
            raise InputError("divisor: expected whole numbers other than 0, found 0")
        with np.errstate(all="ignore"):
            if self.rounding_mode == "floor":
                return [np.asarray(np.floor_divide(a, b))]
            if str(a.dtype) not in INTEGERS:
                return [np.asarray(np.trunc(a / b))]
            return [np.asarray((a - np.fmod(a, b)) // b)]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Divisors whose size is from 1 to 4."""
        a, b = super().example_inputs(inputs, rng)
        return [a, np.asarray(np.where(b < 0, -1, 1) * (1 + abs(b) % 4), b.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        *floats, integers = super().cases()
        modes = ({"rounding_mode": "trunc"}, {"rounding_mode": "floor"})
        rounded = [Case(mode, case.inputs, dtypes=case.dtypes) for mode in modes for case in (floats[1], integers)]
        return [*floats, *rounded]


class Pow(Arithmetic):
    """y = a ** b; NaN for a fraction as the power of a negative number.

    Integers raise InputError for a negative power.
    """

    name: ClassVar[str] = "pow"
    function = staticmethod(np.power)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        power = inputs[1]
        if str(power.dtype) in INTEGERS and power.min() < 0:
            raise InputError(f"power of an integer: expected at least 0, found {power.min()}")
        return super().reference(inputs, params)

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Positive bases, and for integers powers from 0 to 3."""
        a, b = super().example_inputs(inputs, rng)
        if inputs[0].dtype in INTEGERS:
            return [a, np.asarray(abs(b) % 4)]
        return [np.asarray(0.5 + abs(a), a.dtype), b]


OPS: Sequence[type[Op]] = (Add, Sub, Mul, Div, Pow, Minimum, Maximum)
