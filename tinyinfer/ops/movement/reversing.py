"""Rows read backwards, each up to a length of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    axis,
    integer,
    operator,
    require,
    require_dtype,
)
from tinyinfer.ops.dtypes import ANY_DTYPE, INDICES


@operator
class ReverseSequence(Op):
    """The first ``lengths[i]`` elements along ``dim`` in reverse order, the others as they are.

    i counts along ``batch_dim``.  As ONNX's ReverseSequence; lengths are int32 or int64 from 0 to the size of ``dim``,
    others raise InputError when the network runs.
    """

    name: ClassVar[str] = "reverse_sequence"
    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    dim: int = 0
    batch_dim: int = 1

    def __post_init__(self) -> None:
        self.normalize(dim=integer(self.dim, "dim"), batch_dim=integer(self.batch_dim, "batch_dim"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, lengths = inputs
        require_dtype(lengths, INDICES, "lengths")
        along, batch = axis(self.dim, len(x.shape)), axis(self.batch_dim, len(x.shape))
        require(along != batch, f"dim and batch_dim: expected two dimensions, found {along} twice")
        require(lengths.shape == (x.shape[batch],), f"lengths: expected shape {x.shape[batch]}, found {lengths}")
        return [x]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, lengths = inputs
        y = np.moveaxis(x, (axis(self.batch_dim, x.ndim), axis(self.dim, x.ndim)), (0, 1)).copy()
        if lengths.min() < 0 or lengths.max() > y.shape[1]:
            raise InputError(f"lengths: expected 0 to {y.shape[1]}, found {lengths.min()} to {lengths.max()}")
        for row, length in zip(y, lengths, strict=True):
            row[:length] = row[:length][::-1].copy()
        return [np.moveaxis(y, (0, 1), (axis(self.batch_dim, x.ndim), axis(self.dim, x.ndim))).copy()]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Lengths from 1 to the size."""
        x, lengths = inputs
        longest = x.shape[axis(self.dim, len(x.shape))]
        drawn = rng.integers(1, longest + 1, lengths.shape)
        return [*super().example_inputs(inputs[:1], rng), drawn.astype(lengths.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((5, 3), (3,)), dtypes=("float32", "int64")),
            Case({"dim": 1, "batch_dim": 0}, ((2, 7, 3), (2,)), dtypes=("float32", "int64")),
        ]


OPS = (ReverseSequence,)
