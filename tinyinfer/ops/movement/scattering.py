"""Elements written to places that a tensor of indices names: scatter and scatter_nd."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

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
from tinyinfer.ops.movement.indexing import counted_from_front

REDUCTIONS: dict[str | None, Any] = {
    None: None,
    "sum": np.add,
    "prod": np.multiply,
    "amax": np.maximum,
    "amin": np.minimum,
}


class Scattered(Op):
    """Base: x, indices of int32 or int64, and the elements that replace those of x, or with ``reduce`` join them.

    Where several elements come to one place without ``reduce``, the last one stays.  An index that is out of range
    raises InputError when the network runs.
    """

    arity: ClassVar[int | None] = 3
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    reduce: str | None

    def __post_init__(self) -> None:
        known = self.reduce is None or (isinstance(self.reduce, str) and self.reduce in REDUCTIONS)
        require(known, f"reduce: expected sum, prod, amax, amin or none, found {self.reduce!r}")

    def check(self, inputs: Types) -> None:
        """Raise GraphError unless indices are integers, and the elements are of the dtype of x."""
        x, index, elements = inputs
        require_dtype(index, INDICES, "index")
        require_dtype(elements, (x.dtype,), "elements")

    def put(self, y: np.ndarray, at: tuple[np.ndarray, ...], elements: np.ndarray) -> np.ndarray:
        """y with the elements at these places."""
        function = REDUCTIONS[self.reduce]
        if function is None:
            y[at] = elements
        else:
            function.at(y, at, elements)
        return y


@operator
class Scatter(Scattered):
    """y[i, index[i, j, k], k] = elements[i, j, k] for ``dim`` 1 of three, as torch.scatter and ONNX's ScatterElements.

    Index and elements are of one shape, which is nowhere larger than x but along ``dim``.
    """

    name: ClassVar[str] = "scatter"

    dim: int
    reduce: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(dim=integer(self.dim, "dim"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, index, elements = inputs
        self.check(inputs)
        at, rank = axis(self.dim, len(x.shape)), len(x.shape)
        require(len(index.shape) == rank, f"index: expected rank {rank}, found shape {index}")
        require(index.shape == elements.shape, f"elements: expected shape {index}, found {elements}")
        sizes = zip(index.shape, x.shape, strict=True)
        fits = all(i == at or few <= many for i, (few, many) in enumerate(sizes))
        require(fits, f"index: expected no larger than {x} but along dim {at}, found {index}")
        return [TensorType(x.shape, x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, index, elements = inputs
        at = axis(self.dim, x.ndim)
        places = [*np.indices(index.shape)]
        places[at] = counted_from_front(index, x.shape[at])
        return [self.put(x.copy(), tuple(places), elements)]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Indices that are in range and, along ``dim``, all different."""
        x, index, _ = inputs
        at = axis(self.dim, len(x.shape))
        places = np.argsort(rng.random((*index.shape[:at], x.shape[at], *index.shape[at + 1 :])), at)
        picked = np.take(places, range(index.shape[at]), at, mode="wrap").astype(index.dtype)
        drawn = super().example_inputs(inputs, rng)
        return [drawn[0], picked - x.shape[at] * (picked % 2).astype(index.dtype), drawn[2]]

    @classmethod
    def cases(cls) -> list[Case]:
        floats = ("float32", "int64", "float32")
        return [
            Case({"dim": 1}, ((2, 7, 3, 4), (2, 5, 3, 4), (2, 5, 3, 4)), dtypes=floats),
            Case({"dim": -1}, ((3, 11), (2, 5), (2, 5)), dtypes=("int32", "int32", "int32")),
            Case({"dim": 0, "reduce": "sum"}, ((4, 3), (4, 3), (4, 3)), dtypes=floats),
            Case({"dim": 0, "reduce": "prod"}, ((4, 3), (4, 2), (4, 2)), dtypes=floats),
            Case({"dim": 1, "reduce": "amax"}, ((3, 9), (3, 9), (3, 9)), dtypes=floats),
            Case({"dim": 1, "reduce": "amin"}, ((3, 9), (3, 9), (3, 9)), dtypes=floats),
        ]


@operator
class ScatterNd(Scattered):
    """y[index[i, j, :]] = elements[i, j, ...], as ONNX's ScatterND and TensorFlow's tensor_scatter_nd_update.

    The last dimension of the index, of size k, names places among the first k dimensions of x.
    """

    name: ClassVar[str] = "scatter_nd"

    reduce: str | None = None

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, index, elements = inputs
        self.check(inputs)
        require(len(index.shape) > 0, "index: expected rank 1 or more, found a scalar")
        k = index.shape[-1]
        require(k <= len(x.shape), f"index: expected places among {len(x.shape)} dimensions, found {k}")
        expected = TensorType((*index.shape[:-1], *x.shape[k:]))
        require(elements.shape == expected.shape, f"elements: expected shape {expected}, found {elements}")
        return [TensorType(x.shape, x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, index, elements = inputs
        k = index.shape[-1]
        places = tuple(counted_from_front(index[..., i], x.shape[i]) for i in range(k))
        return [self.put(x.copy(), places, elements)]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Places that are all different, while there are enough."""
        x, index, _ = inputs
        sizes = tuple(map(int, x.shape[: index.shape[-1]]))
        order = np.resize(rng.permutation(math.prod(sizes)), math.prod(map(int, index.shape[:-1])))
        places = np.stack(np.unravel_index(order, sizes), -1).reshape(index.shape)
        drawn = super().example_inputs(inputs, rng)
        return [drawn[0], places.astype(index.dtype), drawn[2]]

    @classmethod
    def cases(cls) -> list[Case]:
        floats = ("float32", "int64", "float32")
        return [
            Case({}, ((2, 7, 3, 4), (5, 2), (5, 3, 4)), dtypes=floats),
            Case({}, ((8,), (4, 1), (4,)), dtypes=("int64", "int64", "int64")),
            Case({"reduce": "sum"}, ((4, 3), (2, 2, 2), (2, 2)), dtypes=floats),
        ]


OPS = (Scatter, ScatterNd)
