"""Where the largest or smallest elements are: argmax, argmin, topk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.reduction import reduced_shape
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, axis, flag, integer, operator, require
from tinyinfer.ops.dtypes import NUMBERS


class Extremum(Op):
    """Base: the index along ``dim``, or (None) among all elements, of the extreme one: the first of equal ones.

    A NaN counts as the extreme.  The output is int64.
    """

    function: ClassVar[Callable[..., Any]]
    dtypes: ClassVar[Sequence[str]] = NUMBERS

    dim: int | None
    keepdim: bool

    def __post_init__(self) -> None:
        self.normalize(keepdim=flag(self.keepdim, "keepdim"))
        if self.dim is not None:
            self.normalize(dim=integer(self.dim, "dim"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        rank = len(x.shape)
        dims = range(rank) if self.dim is None else (axis(self.dim, rank),)
        return [TensorType(reduced_shape(x.shape, dims, self.keepdim), "int64")]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        y = type(self).function(inputs[0], axis=self.dim, keepdims=self.keepdim)
        return [np.asarray(y, np.int64)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 19, 5, 7),)),
            Case({"dim": -1, "keepdim": True}, ((3, 11),)),
            Case({}, ((2, 5, 3),)),
            Case({"dim": 0}, ((40, 3),), dtypes=("int32",)),
        ]


@operator
class Argmax(Extremum):
    """Where the largest element is."""

    name: ClassVar[str] = "argmax"
    function = staticmethod(np.argmax)

    dim: int | None = None
    keepdim: bool = False


@operator
class Argmin(Extremum):
    """Where the smallest element is."""

    name: ClassVar[str] = "argmin"
    function = staticmethod(np.argmin)

    dim: int | None = None
    keepdim: bool = False


@operator
class Topk(Op):
    """The ``k`` largest (or smallest) elements along ``dim``, best first, and as a second output their int64 indices.

    Of equal elements the one with the lower index comes first; NaN counts as the largest.  Without ``sorted`` the order
    is open.
    """

    name: ClassVar[str] = "topk"
    dtypes: ClassVar[Sequence[str]] = NUMBERS

    k: int
    dim: int = -1
    largest: bool = True
    sorted: bool = True

    def __post_init__(self) -> None:
        self.normalize(
            k=integer(self.k, "k", least=1),
            dim=integer(self.dim, "dim"),
            largest=flag(self.largest, "largest"),
            sorted=flag(self.sorted, "sorted"),
        )

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        at = axis(self.dim, len(x.shape))
        require(self.k <= x.shape[at], f"k: expected at most {x.shape[at]}, the size of dim {at}, found {self.k}")
        shape = (*x.shape[:at], self.k, *x.shape[at + 1 :])
        return [TensorType(shape, x.dtype), TensorType(shape, "int64")]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, at = inputs[0], axis(self.dim, inputs[0].ndim)
        if self.largest:  # a stable ascending order of the reversed elements, read backwards
            order = x.shape[at] - 1 - np.flip(np.argsort(np.flip(x, at), at, kind="stable"), at)
        else:
            order = np.argsort(x, at, kind="stable")
        best = np.take(order, range(self.k), at)
        return [np.take_along_axis(x, best, at), best.astype(np.int64)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"k": 5}, ((3, 11),)),
            Case({"k": 2, "dim": 1, "largest": False}, ((2, 7, 3, 4),)),
            Case({"k": 7, "dim": 0}, ((7, 2),)),
            Case({"k": 9, "sorted": True}, ((2, 40),), dtypes=("int64",)),
        ]


OPS = (Argmax, Argmin, Topk)
