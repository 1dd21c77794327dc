"""Trigonometric and hyperbolic functions and their inverses, of every element; angles are in radians."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.ops.arithmetic.unary import OfPositive, Unary
from tinyinfer.ops.base import Types


class OfSmall(Unary):
    """Base: a function of numbers between -1 and 1."""

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Numbers from -0.9 to 0.9."""
        return [np.asarray(0.9 * np.sin(x), x.dtype) for x in super().example_inputs(inputs, rng)]


class Sin(Unary):
    """The sine."""

    name: ClassVar[str] = "sin"
    function = staticmethod(np.sin)


class Cos(Unary):
    """The cosine."""

    name: ClassVar[str] = "cos"
    function = staticmethod(np.cos)


class Tan(OfSmall):
    """The tangent."""

    name: ClassVar[str] = "tan"
    function = staticmethod(np.tan)


class Asin(OfSmall):
    """The angle whose sine is x; NaN beyond -1 .. 1."""

    name: ClassVar[str] = "asin"
    function = staticmethod(np.arcsin)


class Acos(OfSmall):
    """The angle whose cosine is x; NaN beyond -1 .. 1."""

    name: ClassVar[str] = "acos"
    function = staticmethod(np.arccos)


class Atan(Unary):
    """The angle whose tangent is x."""

    name: ClassVar[str] = "atan"
    function = staticmethod(np.arctan)


class Sinh(Unary):
    """The hyperbolic sine."""

    name: ClassVar[str] = "sinh"
    function = staticmethod(np.sinh)


class Cosh(Unary):
    """The hyperbolic cosine."""

    name: ClassVar[str] = "cosh"
    function = staticmethod(np.cosh)


class Asinh(Unary):
    """The inverse of sinh."""

    name: ClassVar[str] = "asinh"
    function = staticmethod(np.arcsinh)


class Acosh(OfPositive):
    """The inverse of cosh; NaN below 1."""

    name: ClassVar[str] = "acosh"
    function = staticmethod(np.arccosh)

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Numbers from 1.1 on."""
        return [np.asarray(1 + x, x.dtype) for x in super().example_inputs(inputs, rng)]


class Atanh(OfSmall):
    """The inverse of tanh; infinite at -1 and 1, NaN beyond."""

    name: ClassVar[str] = "atanh"
    function = staticmethod(np.arctanh)


OPS = (Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh)
