"""Half of a matrix: what lies above or below a diagonal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integer, operator, require
from tinyinfer.ops.dtypes import ANY_DTYPE


class Triangle(Op):
    """Base: matrices (..., H, W) with zeros beyond the diagonal number ``diagonal``, counted from the main one up."""

    function: ClassVar[Callable[..., np.ndarray]]
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    diagonal: int

    def __post_init__(self) -> None:
        self.normalize(diagonal=integer(self.diagonal, "diagonal"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require(len(x.shape) >= 2, f"input: expected rank 2 or more, found shape {x}")
        return [TensorType(x.shape, x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.asarray(type(self).function(inputs[0], self.diagonal), inputs[0].dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((3, 11),)),
            Case({"diagonal": 2}, ((2, 5, 7, 4),)),
            Case({"diagonal": -1}, ((5, 5),), dtypes=("int64",)),
        ]


@operator
class Tril(Triangle):
    """What is on the diagonal and below."""

    name: ClassVar[str] = "tril"
    function = staticmethod(np.tril)

    diagonal: int = 0


@operator
class Triu(Triangle):
    """What is on the diagonal and above."""

    name: ClassVar[str] = "triu"
    function = staticmethod(np.triu)

    diagonal: int = 0


OPS = (Tril, Triu)
