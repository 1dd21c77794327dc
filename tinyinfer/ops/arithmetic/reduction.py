"""Dimensions reduced to one number: mean, sum, product, and the largest and smallest values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import Shape, TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, axes, flag, one_or_more, operator
from tinyinfer.ops.dtypes import FLOATS, INDICES, NUMBERS


def reduced_shape(shape: Shape, dims: Sequence[int], keepdim: bool) -> Shape:
    """The shape without these dimensions, or with 1 in their places."""
    if keepdim:
        return tuple(1 if at in dims else size for at, size in enumerate(shape))
    return tuple(size for at, size in enumerate(shape) if at not in dims)


class Reduction(Op):
    """Base: ``function`` over the dimensions ``dim``, one, several or (None) all; ``keepdim`` leaves them as size 1.

    The output has the dtype of the input; sums of integers wrap around.
    """

    function: ClassVar[Callable[..., Any]]

    dim: tuple[int, ...] | None
    keepdim: bool

    def __post_init__(self) -> None:
        self.normalize(keepdim=flag(self.keepdim, "keepdim"))
        if self.dim is not None:
            self.normalize(dim=one_or_more(self.dim, "dim"))

    def axes(self, rank: int) -> tuple[int, ...]:
        """The dimensions that are reduced, counted from the front."""
        return tuple(range(rank)) if self.dim is None else axes(self.dim, rank)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        return [TensorType(reduced_shape(x.shape, self.axes(len(x.shape)), self.keepdim), x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        y = type(self).function(x, axis=self.axes(x.ndim), keepdims=self.keepdim)
        return [np.asarray(y, x.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        integers = [Case({"dim": 0}, ((3, 5),), dtypes=("int64",))] if "int64" in cls.dtypes else []
        return [
            Case({"dim": (2, 3)}, ((2, 19, 5, 7),)),
            Case({"dim": (-1, -2), "keepdim": True}, ((2, 7, 3, 5),)),
            Case({"dim": 1, "keepdim": True}, ((2, 7, 3, 4),)),
            Case({"dim": -1}, ((3, 11),)),
            Case({"dim": (1, 2, 3)}, ((2, 5, 3, 7),)),
            Case({"dim": 1}, ((2, 5, 150),)),
            Case({"dim": (0, 3)}, ((2, 3, 2, 4, 3),)),
            Case({}, ((2, 5, 3),)),
            *integers,
        ]


@operator
class Mean(Reduction):
    """The mean of the elements; over (2, 3) it is global average pooling."""

    name: ClassVar[str] = "mean"
    function = staticmethod(np.mean)
    dtypes = FLOATS

    dim: tuple[int, ...] | None = None
    keepdim: bool = False


@operator
class Sum(Reduction):
    """The sum of the elements."""

    name: ClassVar[str] = "sum"
    function = staticmethod(np.sum)
    dtypes = (*FLOATS, *INDICES)

    dim: tuple[int, ...] | None = None
    keepdim: bool = False


@operator
class Prod(Reduction):
    """The product of the elements."""

    name: ClassVar[str] = "prod"
    function = staticmethod(np.prod)
    dtypes = (*FLOATS, *INDICES)

    dim: tuple[int, ...] | None = None
    keepdim: bool = False


@operator
class Amax(Reduction):
    """The largest element; NaN where there is one."""

    name: ClassVar[str] = "amax"
    function = staticmethod(np.max)
    dtypes = NUMBERS

    dim: tuple[int, ...] | None = None
    keepdim: bool = False


@operator
class Amin(Reduction):
    """The smallest element; NaN where there is one."""

    name: ClassVar[str] = "amin"
    function = staticmethod(np.min)
    dtypes = NUMBERS

    dim: tuple[int, ...] | None = None
    keepdim: bool = False


OPS = (Mean, Sum, Prod, Amax, Amin)
