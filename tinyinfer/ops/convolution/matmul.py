"""Products of two matrices that are both values of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.broadcasting import broadcast_shape
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, require, require_same_dtype
from tinyinfer.ops.dtypes import FLOATS, INDICES


class Matmul(Op):
    """y = a b, as torch.matmul: (..., M, K) times (..., K, N) gives (..., M, N), the first dimensions broadcast.

    A vector in first place is a row, in second place a column, whose dimension of size 1 the output does not have.
    """

    name: ClassVar[str] = "matmul"
    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = (*FLOATS, *INDICES)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        dtype = require_same_dtype(inputs)
        a, b = inputs
        require(min(len(a.shape), len(b.shape)) > 0, f"expected vectors, matrices or stacks of them, found {a} and {b}")
        inner = b.shape[0] if len(b.shape) == 1 else b.shape[-2]
        require(a.shape[-1] == inner, f"{a} has rows of {a.shape[-1]}, {b} columns of {inner}")
        stacks = broadcast_shape([TensorType(a.shape[:-2]), TensorType(b.shape[:-2])])
        rows, columns = a.shape[-2:-1], b.shape[-1:] if len(b.shape) > 1 else ()
        return [TensorType((*stacks, *rows, *columns), dtype)]

    def macs(self, inputs: Types, params: ParamTypes, outputs: Types) -> int:
        """One for each number of a row, for each element of the output."""
        return outputs[0].size * inputs[0].shape[-1]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.asarray(np.matmul(*inputs))]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((5, 19), (19, 7))),
            Case({}, ((2, 3, 5, 4), (2, 3, 4, 6))),
            Case({}, ((2, 1, 5, 4), (3, 4, 6))),
            Case({}, ((7, 5, 4), (4,))),
            Case({}, ((4,), (3, 4, 2))),
            Case({}, ((11,), (11,))),
            Case({}, ((1, 33, 40), (1, 40, 17))),
            Case({}, ((2, 1, 37, 9), (3, 9, 70))),
            Case({}, ((2, 3, 5, 8), (8, 35))),
            Case({}, ((3, 4), (4, 2)), dtypes=("int64", "int64")),
        ]


OPS = (Matmul,)
