"""What a division leaves over: remainder and fmod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.ops.arithmetic.elementwise import Arithmetic
from tinyinfer.ops.base import Arrays, Case, Op, Params, Types
from tinyinfer.ops.dtypes import INTEGERS


class LeftOver(Arithmetic):
    """Base: of a / b; integers raise InputError for a divisor of 0."""

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        if str(inputs[1].dtype) in INTEGERS and not inputs[1].all():
            raise InputError("divisor: expected whole numbers other than 0, found 0")
        return super().reference(inputs, params)

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Divisors whose size is from 1 to 4, and quotients that are far from whole numbers."""
        a, b = super().example_inputs(inputs, rng)
        divisor = np.where(b < 0, -1, 1) * (1 + np.floor(abs(b)) % 4)
        if inputs[0].dtype in INTEGERS:
            return [a, np.asarray(divisor, b.dtype)]
        return [np.asarray(np.floor(a * 3) + 0.5, a.dtype), np.asarray(divisor, b.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [*super().cases(), Case({}, ((40,), (40,)), dtypes=("int32", "int32"))]


class Remainder(LeftOver):
    """a - b * floor(a / b), which has the sign of b."""

    name: ClassVar[str] = "remainder"
    function = staticmethod(np.mod)


class Fmod(LeftOver):
    """a - b * trunc(a / b), which has the sign of a, as C's fmod."""

    name: ClassVar[str] = "fmod"
    function = staticmethod(np.fmod)


OPS: Sequence[type[Op]] = (Remainder, Fmod)
