"""Sums of all elements so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, axis, flag, integer, operator
from tinyinfer.ops.dtypes import FLOATS, INDICES


@operator
class Cumsum(Op):
    """Element i along ``dim`` of y is the sum of the elements up to i of x.

    ``exclusive`` leaves element i itself out, ``reverse`` goes from the end to the front; ONNX has both, torch neither.
    """

    name: ClassVar[str] = "cumsum"
    dtypes: ClassVar[Sequence[str]] = (*FLOATS, *INDICES)

    dim: int
    exclusive: bool = False
    reverse: bool = False

    def __post_init__(self) -> None:
        self.normalize(
            dim=integer(self.dim, "dim"),
            exclusive=flag(self.exclusive, "exclusive"),
            reverse=flag(self.reverse, "reverse"),
        )

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        axis(self.dim, len(x.shape))
        return [TensorType(x.shape, x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, at = inputs[0], axis(self.dim, inputs[0].ndim)
        x = np.flip(x, at) if self.reverse else x
        if self.exclusive:
            none = np.zeros_like(np.take(x, [0], at))
            x = np.concatenate([none, np.take(x, range(x.shape[at] - 1), at)], at)
        y = np.cumsum(x, axis=at, dtype=x.dtype)
        return [np.flip(y, at).copy() if self.reverse else y]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 5, 3, 4),)),
            Case({"dim": -1, "exclusive": True}, ((3, 11),)),
            Case({"dim": 2, "reverse": True}, ((2, 5, 3, 4),)),
            Case({"dim": 0, "exclusive": True, "reverse": True}, ((6,),)),
            Case({"dim": 0}, ((4, 3),), dtypes=("int64",)),
        ]


OPS = (Cumsum,)
