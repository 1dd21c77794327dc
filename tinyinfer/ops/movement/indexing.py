"""Elements picked by indices that are a tensor themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import OpCost, TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, axis, integer, require, require_dtype
from tinyinfer.ops.dtypes import ANY_DTYPE, INDICES


class Indexed(Op):
    """Base: x and indices, of int32 or int64, that count along dimension ``dim`` of x, negative ones from its end.

    An index that is out of range raises InputError when the network runs.
    """

    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    dim: int

    def __post_init__(self) -> None:
        self.normalize(dim=integer(self.dim, "dim"))

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Of x no more is read than is picked."""
        return super().cost([outputs[0], inputs[1]], params, outputs)

    def in_range(self, index: np.ndarray, size: int) -> np.ndarray:
        """The indices counted from the front; raises InputError for one that is out of range or no plain integer."""
        if index.dtype.kind not in "iu":
            raise InputError(f"index: expected integers, found dtype {index.dtype}")
        outside = (index < -size) | (index >= size)
        if outside.any():
            raise InputError(f"index: expected {-size} to {size - 1}, found {index[outside].flat[0]}")
        return np.where(index < 0, index + size, index)

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Indices in range."""
        x, index = inputs
        size = x.shape[axis(self.dim, len(x.shape))]
        return [
            *super().example_inputs(inputs[:1], rng),
            np.asarray(rng.integers(-size, size, index.shape), index.dtype),
        ]


@dataclass(frozen=True)
class Index(Indexed):
    """x[:, ..., index], the index in the place of ``dim``: its dimensions, any number, take the place of that one.

    NumPy's take and ONNX's Gather; with a matrix and dim 0 an embedding.
    """

    name: ClassVar[str] = "index"

    dim: int = 0

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, index = inputs
        require_dtype(index, INDICES, "index")
        at = axis(self.dim, len(x.shape))
        return [TensorType((*x.shape[:at], *index.shape, *x.shape[at + 1 :]), x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, index = inputs
        return [np.asarray(np.take(x, self.in_range(index, x.shape[self.dim]), axis=self.dim))]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 7, 3, 4), (5,)), dtypes=("float32", "int64")),
            Case({}, ((19, 3), (2, 5)), dtypes=("float32", "int32")),
            Case({"dim": -1}, ((3, 11), ()), dtypes=("float32", "int64")),
            Case({}, ((4,), (1,)), dtypes=("int64", "int64")),
        ]


@dataclass(frozen=True)
class Gather(Indexed):
    """y[i, j, k] = x[i, index[i, j, k], k] for ``dim`` 1 of three, as torch.gather; ONNX calls it GatherElements.

    The index has the rank of x and is nowhere larger than x but along ``dim``.
    """

    name: ClassVar[str] = "gather"

    dim: int

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, index = inputs
        require_dtype(index, INDICES, "index")
        at = axis(self.dim, len(x.shape))
        require(len(index.shape) == len(x.shape), f"index: expected rank {len(x.shape)}, found shape {index}")
        sizes = zip(index.shape, x.shape, strict=True)
        fits = all(i == at or few <= many for i, (few, many) in enumerate(sizes))
        require(fits, f"index: expected no larger than {x} but along dim {at}, found {index}")
        return [TensorType(index.shape, x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, index = inputs
        at = axis(self.dim, x.ndim)
        picked = self.in_range(index, x.shape[at])
        beside = tuple(slice(None) if i == at else slice(size) for i, size in enumerate(index.shape))
        return [np.take_along_axis(x[beside], picked, at)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 7, 3, 4), (2, 9, 3, 4)), dtypes=("float32", "int64")),
            Case({"dim": -1}, ((3, 11), (2, 5)), dtypes=("float32", "int32")),
            Case({"dim": 0}, ((4,), (6,)), dtypes=("int64", "int64")),
        ]


OPS = (Index, Gather)
