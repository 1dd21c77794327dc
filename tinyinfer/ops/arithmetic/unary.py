"""Functions of one number, applied to every element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation import activation_functions
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types
from tinyinfer.ops.dtypes import FLOATS, NUMBERS, SIGNED_INTEGERS


class Unary(Op):
    """Base: ``function`` of every element, for the ``dtypes`` it is defined for; NaN where it has no value."""

    function: ClassVar[Callable[..., np.ndarray]]
    dtypes: ClassVar[Sequence[str]] = FLOATS

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [TensorType(inputs[0].shape, inputs[0].dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        with np.errstate(all="ignore"):  # the rules of floating point are meant
            return [np.asarray(type(self).function(inputs[0]))]

    @classmethod
    def cases(cls) -> list[Case]:
        shapes = ((2, 5, 7, 3), (3, 11), (2, 3, 1, 2, 2))
        integers = [Case({}, ((2, 9),), dtypes=("int32",))] if "int32" in cls.dtypes else []
        return [*[Case({}, (shape,)) for shape in shapes], *integers]


class OfPositive(Unary):
    """Base: a function of positive numbers."""

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Numbers from 0.1 on."""
        return [np.asarray(0.1 + abs(x), x.dtype) for x in super().example_inputs(inputs, rng)]


class Neg(Unary):
    """-x."""

    name: ClassVar[str] = "neg"
    function = staticmethod(np.negative)
    dtypes = (*FLOATS, *SIGNED_INTEGERS)


class Abs(Unary):
    """|x|."""

    name: ClassVar[str] = "abs"
    function = staticmethod(np.abs)
    dtypes = NUMBERS


class Sign(Unary):
    """-1 below 0, 0 at 0, 1 above; NaN stays NaN."""

    name: ClassVar[str] = "sign"
    function = staticmethod(np.sign)
    dtypes = NUMBERS


class Sqrt(OfPositive):
    """The square root; NaN below 0."""

    name: ClassVar[str] = "sqrt"
    function = staticmethod(np.sqrt)


class Exp(Unary):
    """e ** x."""

    name: ClassVar[str] = "exp"
    function = staticmethod(np.exp)


class Log(OfPositive):
    """The natural logarithm; minus infinity at 0, NaN below."""

    name: ClassVar[str] = "log"
    function = staticmethod(np.log)


class Reciprocal(OfPositive):
    """1 / x."""

    name: ClassVar[str] = "reciprocal"
    function = staticmethod(np.reciprocal)


class Erf(Unary):
    """The error function, of which exact gelu is made."""

    name: ClassVar[str] = "erf"
    function = staticmethod(activation_functions.erf)


class Floor(Unary):
    """The largest whole number that is not above x."""

    name: ClassVar[str] = "floor"
    function = staticmethod(np.floor)


class Ceil(Unary):
    """The smallest whole number that is not below x."""

    name: ClassVar[str] = "ceil"
    function = staticmethod(np.ceil)


class Round(Unary):
    """The nearest whole number, of two as near the even one."""

    name: ClassVar[str] = "round"
    function = staticmethod(np.rint)


OPS = (Neg, Abs, Sign, Sqrt, Exp, Log, Reciprocal, Erf, Floor, Ceil, Round)
