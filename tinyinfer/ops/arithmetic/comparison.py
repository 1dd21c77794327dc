"""Comparisons and logic between tensors, with NumPy's broadcasting, and the choice by their outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.broadcasting import broadcast_shape
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, require_dtype, require_same_dtype
from tinyinfer.ops.dtypes import ANY_DTYPE, BOOL, FLOATS, NUMBERS


class Predicate(Op):
    """Base: ``function`` of two inputs of one dtype whose shapes broadcast; the output is bool."""

    arity: ClassVar[int | None] = 2
    function: ClassVar[Callable[..., np.ndarray]]
    dtypes: ClassVar[Sequence[str]] = NUMBERS

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        require_same_dtype(inputs)
        return [TensorType(broadcast_shape(inputs), "bool")]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.asarray(type(self).function(*inputs))]

    @classmethod
    def cases(cls) -> list[Case]:
        image = (2, 5, 3, 4)
        shapes = ((image, (2, 5, 1, 1)), (image, image), ((3, 11), (11,)), ((5, 1), ()))
        dtypes = [dtype for dtype in ("float32", "int64", "bool") if dtype in cls.dtypes]
        return [Case({}, pair, dtypes=(dtype, dtype)) for dtype in dtypes for pair in shapes]


@dataclass(frozen=True)
class Eq(Predicate):
    """a = b."""

    name: ClassVar[str] = "eq"
    function = staticmethod(np.equal)
    dtypes = ANY_DTYPE


@dataclass(frozen=True)
class Ne(Predicate):
    """a differs from b, as NaN does even from itself."""

    name: ClassVar[str] = "ne"
    function = staticmethod(np.not_equal)
    dtypes = ANY_DTYPE


@dataclass(frozen=True)
class Lt(Predicate):
    """a < b."""

    name: ClassVar[str] = "lt"
    function = staticmethod(np.less)


@dataclass(frozen=True)
class Le(Predicate):
    """a <= b."""

    name: ClassVar[str] = "le"
    function = staticmethod(np.less_equal)


@dataclass(frozen=True)
class Gt(Predicate):
    """a > b."""

    name: ClassVar[str] = "gt"
    function = staticmethod(np.greater)


@dataclass(frozen=True)
class Ge(Predicate):
    """a >= b."""

    name: ClassVar[str] = "ge"
    function = staticmethod(np.greater_equal)


@dataclass(frozen=True)
class LogicalAnd(Predicate):
    """a and b."""

    name: ClassVar[str] = "logical_and"
    function = staticmethod(np.logical_and)
    dtypes = BOOL


@dataclass(frozen=True)
class LogicalOr(Predicate):
    """a or b, or both."""

    name: ClassVar[str] = "logical_or"
    function = staticmethod(np.logical_or)
    dtypes = BOOL


@dataclass(frozen=True)
class LogicalXor(Predicate):
    """Either a or b, not both."""

    name: ClassVar[str] = "logical_xor"
    function = staticmethod(np.logical_xor)
    dtypes = BOOL


@dataclass(frozen=True)
class LogicalNot(Op):
    """Not a."""

    name: ClassVar[str] = "logical_not"
    dtypes: ClassVar[Sequence[str]] = BOOL

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [TensorType(inputs[0].shape, "bool")]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.asarray(np.logical_not(inputs[0]))]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, (shape,), dtypes=("bool",)) for shape in ((2, 5, 3, 4), (3, 11), ())]


class OfFloat(Op):
    """Base: ``function`` says what is true of every element."""

    function: ClassVar[Callable[..., np.ndarray]]
    dtypes: ClassVar[Sequence[str]] = FLOATS

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [TensorType(inputs[0].shape, "bool")]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.asarray(type(self).function(inputs[0]))]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Some elements are NaN, some infinite."""
        (x,) = super().example_inputs(inputs, rng)
        return [np.where(x > 1, np.nan, np.where(x < -1, -np.inf, np.where(abs(x) < 0.2, np.inf, x))).astype(x.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, (shape,)) for shape in ((2, 5, 3, 4), (3, 11), ())]


@dataclass(frozen=True)
class IsNan(OfFloat):
    """x is no number."""

    name: ClassVar[str] = "isnan"
    function = staticmethod(np.isnan)


@dataclass(frozen=True)
class IsInf(OfFloat):
    """x is infinite, of either sign."""

    name: ClassVar[str] = "isinf"
    function = staticmethod(np.isinf)


@dataclass(frozen=True)
class Where(Op):
    """a where the condition holds, b elsewhere: condition bool, a and b of one dtype; all three broadcast."""

    name: ClassVar[str] = "where"
    arity: ClassVar[int | None] = 3
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        require_dtype(inputs[0], BOOL, "condition")
        dtype = require_same_dtype(inputs[1:])
        return [TensorType(broadcast_shape(inputs), dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.where(*inputs)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 5, 3, 4), (2, 5, 3, 4), (2, 5, 1, 1)), dtypes=("bool", "float32", "float32")),
            Case({}, ((3, 1), (11,), ()), dtypes=("bool", "float32", "float32")),
            Case({}, ((3, 21), (3, 21), ()), dtypes=("bool", "float32", "float32")),
            Case({}, ((4,), (2, 4), (2, 1)), dtypes=("bool", "int64", "int64")),
        ]


OPS = (Eq, Ne, Lt, Le, Gt, Ge, LogicalAnd, LogicalOr, LogicalXor, LogicalNot, IsNan, IsInf, Where)
