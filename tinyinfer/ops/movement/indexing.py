"""Elements picked by indices that are a tensor themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import OpCost, TensorType
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


def counted_from_front(index: np.ndarray, size: int) -> np.ndarray:
    """Indices counted from the front; raises InputError for one that is out of range or no plain integer."""
    if index.dtype.kind not in "iu":
        raise InputError(f"index: expected integers, found dtype {index.dtype}")
    outside = (index < -size) | (index >= size)
    if outside.any():
        raise InputError(f"index: expected {-size} to {size - 1}, found {index[outside].flat[0]}")
    return np.where(index < 0, index + size, index)


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

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Indices in range."""
        x, index = inputs
        size = x.shape[axis(self.dim, len(x.shape))]
        return [
            *super().example_inputs(inputs[:1], rng),
            np.asarray(rng.integers(-size, size, index.shape), index.dtype),
        ]


@operator
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
        return [np.asarray(np.take(x, counted_from_front(index, x.shape[self.dim]), axis=self.dim), x.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 7, 3, 4), (5,)), dtypes=("float32", "int64")),
            Case({}, ((19, 3), (2, 5)), dtypes=("float32", "int32")),
            Case({"dim": -1}, ((3, 11), ()), dtypes=("float32", "int64")),
            Case({}, ((4,), (1,)), dtypes=("int64", "int64")),
        ]


@operator
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
        picked = counted_from_front(index, x.shape[at])
        beside = tuple(slice(None) if i == at else slice(size) for i, size in enumerate(index.shape))
        return [np.take_along_axis(x[beside], picked, at)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 7, 3, 4), (2, 9, 3, 4)), dtypes=("float32", "int64")),
            Case({"dim": -1}, ((3, 11), (2, 5)), dtypes=("float32", "int32")),
            Case({"dim": 0}, ((4,), (6,)), dtypes=("int64", "int64")),
        ]


@operator
class GatherNd(Op):
    """y[i, j, ...] = x[index[i, j, :]], as ONNX's GatherND and TensorFlow's gather_nd.

    The last dimension of the index, of size k, names places among k dimensions of x, the first ones after the
    ``batch_dims`` that both share.
    """

    name: ClassVar[str] = "gather_nd"
    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    batch_dims: int = 0

    def __post_init__(self) -> None:
        self.normalize(batch_dims=integer(self.batch_dims, "batch_dims", least=0))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, index = inputs
        require_dtype(index, INDICES, "index")
        batch = self.batch_dims
        shared = batch < len(index.shape) and x.shape[:batch] == index.shape[:batch]
        require(shared, f"batch_dims: expected {batch} dimensions in common, found {x} and {index}")
        k = index.shape[-1]
        fits = batch + k <= len(x.shape)
        require(fits, f"index: expected places among {len(x.shape) - batch} dimensions, found {k}")
        return [TensorType((*index.shape[:-1], *x.shape[batch + k :]), x.dtype)]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Of x no more is read than is picked."""
        return super().cost([outputs[0], inputs[1]], params, outputs)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, index = inputs
        batch, rank = self.batch_dims, index.ndim - 1
        shared = [np.arange(n).reshape((n, *[1] * (rank - i - 1))) for i, n in enumerate(x.shape[:batch])]
        picked = [counted_from_front(index[..., i], x.shape[batch + i]) for i in range(index.shape[-1])]
        return [np.asarray(x[(*shared, *picked)]).reshape((*index.shape[:-1], *x.shape[batch + len(picked) :]))]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Indices in range."""
        x, index = inputs
        sizes = np.array(x.shape[self.batch_dims :][: index.shape[-1]])
        picked = np.floor(rng.random(index.shape) * 2 * sizes) - sizes
        return [*super().example_inputs(inputs[:1], rng), picked.astype(index.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((7, 4), (5, 3, 2)), dtypes=("float32", "int64")),
            Case({"batch_dims": 1}, ((3, 11), (3, 4, 1)), dtypes=("float32", "int64")),
            Case({}, ((4, 3), (2, 2)), dtypes=("int64", "int32")),
            Case({}, ((4, 3), (2,)), dtypes=("float32", "int64")),  # one element
        ]


OPS = (Index, Gather, GatherNd)
