"""Integers as rows of bits: and, or, xor, not, and shifts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.broadcasting import broadcast_shape
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, require_same_dtype
from tinyinfer.ops.dtypes import INTEGERS


class Bitwise(Op):
    """Base: ``function`` of two inputs of one integer dtype whose shapes broadcast."""

    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = INTEGERS
    function: ClassVar[Callable[..., np.ndarray]]

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        dtype = require_same_dtype(inputs)
        return [TensorType(broadcast_shape(inputs), dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.asarray(type(self).function(*inputs))]

    @classmethod
    def cases(cls) -> list[Case]:
        shapes = (((2, 5, 3, 4), (2, 5, 1, 1)), ((3, 11), (11,)), ((5, 1), ()))
        return [Case({}, pair, dtypes=(dtype, dtype)) for dtype in ("uint8", "int64") for pair in shapes]


class BitwiseAnd(Bitwise):
    """The bits that are 1 in a and in b."""

    name: ClassVar[str] = "bitwise_and"
    function = staticmethod(np.bitwise_and)


class BitwiseOr(Bitwise):
    """The bits that are 1 in a, in b or in both."""

    name: ClassVar[str] = "bitwise_or"
    function = staticmethod(np.bitwise_or)


class BitwiseXor(Bitwise):
    """The bits in which a and b differ."""

    name: ClassVar[str] = "bitwise_xor"
    function = staticmethod(np.bitwise_xor)


class BitShift(Bitwise):
    """Base: the bits of a moved by b places; what leaves an end is lost."""

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Numbers that are not negative, and from 0 to 7 places."""
        a, b = (abs(x) for x in super().example_inputs(inputs, rng))
        return [a, np.asarray(b % 8)]


class BitwiseLeftShift(BitShift):
    """Towards the higher bits, zeros from below."""

    name: ClassVar[str] = "bitwise_left_shift"
    function = staticmethod(np.left_shift)


class BitwiseRightShift(BitShift):
    """Towards the lower bits, copies of the sign from above."""

    name: ClassVar[str] = "bitwise_right_shift"
    function = staticmethod(np.right_shift)


class BitwiseNot(Op):
    """Every bit of a turned over."""

    name: ClassVar[str] = "bitwise_not"
    dtypes: ClassVar[Sequence[str]] = INTEGERS

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [TensorType(inputs[0].shape, inputs[0].dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.asarray(np.bitwise_not(inputs[0]))]

    @classmethod
    def cases(cls) -> list[Case]:
        shapes = ((2, 5, 3, 4), (3, 11), ())
        return [Case({}, (shape,), dtypes=(dtype,)) for dtype in ("uint8", "int32") for shape in shapes]


OPS = (BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseLeftShift, BitwiseRightShift, BitwiseNot)
