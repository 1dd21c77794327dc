"""Putting tensors together, taking them apart and reordering them: concat, split, index_select, permute."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import ClassVar

import numpy as np

from tinyinfer.dim import agreed_shape
from tinyinfer.graph import Shape, TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    axis,
    integer,
    integers,
    operator,
    require,
    require_same_dtype,
)
from tinyinfer.ops.dtypes import ANY_DTYPE


@operator
class Concat(Op):
    """Any number of tensors one after the other along ``dim``, as torch.cat."""

    name: ClassVar[str] = "concat"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True
    arity: ClassVar[int | None] = None

    dim: int = 0

    def __post_init__(self) -> None:
        self.normalize(dim=integer(self.dim, "dim"))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        first = inputs[0]
        at = axis(self.dim, len(first.shape))

        def others(shape: Shape) -> Shape:
            return shape[:at] + shape[at + 1 :]

        for t in inputs[1:]:
            same = len(t.shape) == len(first.shape) and others(t.shape) == others(first.shape)
            require(same, f"expected inputs that differ along dim {self.dim} only, found {first} and {t}")
        alike = all(t.quant == first.quant for t in inputs)
        require(alike, f"expected inputs of one quantisation, found {' and '.join(str(t.quant) for t in inputs)}")
        require_same_dtype(inputs)
        shape = reduce(agreed_shape, (t.shape for t in inputs))
        return [first.reshaped((*shape[:at], sum(t.shape[at] for t in inputs), *shape[at + 1 :]))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.concatenate(inputs, axis=self.dim)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1}, ((2, 5, 3, 4), (2, 19, 3, 4), (2, 1, 3, 4))),
            Case({"dim": -1}, ((3, 7), (3, 2))),
            Case({}, ((2, 3), (1, 3))),
            Case({}, ((2,), (1,)), dtypes=("int64", "int64")),
        ]


@operator
class Split(Op):
    """Pieces along ``dim``, as torch.split: of one size (the last may be smaller), or of the sizes listed."""

    name: ClassVar[str] = "split"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    split_size_or_sections: int | tuple[int, ...]
    dim: int = 0

    def __post_init__(self) -> None:
        given, what = self.split_size_or_sections, "split_size_or_sections"
        sizes = integers(given, what, 1) if isinstance(given, list | tuple) else integer(given, what, 1)
        require(sizes != (), f"{what}: expected at least one size, found none")
        self.normalize(split_size_or_sections=sizes, dim=integer(self.dim, "dim"))

    def sections(self, shape: Shape) -> tuple[int, ...]:
        """Sizes of the pieces of a tensor of this shape; raises GraphError when listed ones do not add up."""
        total, sizes = shape[axis(self.dim, len(shape))], self.split_size_or_sections
        if isinstance(sizes, int):
            require(total > 0, f"dim {self.dim}: expected something to split, found size 0")
            *starts, last = range(0, total, sizes)
            return (*[sizes] * len(starts), total - last)
        require(sum(sizes) == total, f"sections {sizes} add up to {sum(sizes)}, dim {self.dim} has {total}")
        return sizes

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        shape = inputs[0].shape
        at = axis(self.dim, len(shape))
        return [inputs[0].reshaped((*shape[:at], s, *shape[at + 1 :])) for s in self.sections(shape)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        ends = np.cumsum(self.sections(inputs[0].shape))
        return np.split(inputs[0], [int(end) for end in ends[:-1]], axis=self.dim)

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"split_size_or_sections": 29, "dim": 1}, ((2, 58, 3, 4),)),
            Case({"split_size_or_sections": 4, "dim": 1}, ((1, 10, 3, 4),)),
            Case({"split_size_or_sections": (1, 5, 2), "dim": -3}, ((2, 8, 3, 4),)),
            Case({"split_size_or_sections": (3, 8), "dim": 1}, ((3, 11),)),
        ]


@operator
class IndexSelect(Op):
    """Entry i along ``dim`` of the output is entry ``index[i]`` of the input, as torch.index_select.

    The index, any length, is part of the operator: the channels that CondenseNet's groups have learned to read
    (Huang et al. 2018, section 3.1, "index layer").
    """

    name: ClassVar[str] = "index_select"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    dim: int
    index: tuple[int, ...]

    def __post_init__(self) -> None:
        self.normalize(dim=integer(self.dim, "dim"), index=integers(self.index, "index", least=0))
        require(len(self.index) > 0, "index: expected at least one entry, found none")

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        shape = inputs[0].shape
        at = axis(self.dim, len(shape))
        require(max(self.index) < shape[at], f"index: expected below {shape[at]}, found {max(self.index)}")
        return [inputs[0].reshaped((*shape[:at], len(self.index), *shape[at + 1 :]))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.take(inputs[0], self.index, axis=self.dim)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": 1, "index": (6, 0, 3, 3, 1)}, ((2, 7, 3, 4),)),
            Case({"dim": -3, "index": tuple(range(18, -1, -1))}, ((1, 19, 5, 3),)),
            Case({"dim": 1, "index": (2, 9)}, ((3, 11),)),
            Case({"dim": 2, "index": (1, 1, 0)}, ((2, 3, 2, 5),)),
        ]


@operator
class Permute(Op):
    """Dimension i of the output is dimension ``dims[i]`` of the input, as torch.permute."""

    name: ClassVar[str] = "permute"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        self.normalize(dims=integers(self.dims, "dims"))

    def _order(self, rank: int) -> tuple[int, ...]:
        order = tuple(axis(dim, rank) for dim in self.dims)
        require(sorted(order) == [*range(rank)], f"dims {self.dims} do not name each of {rank} dimensions once")
        return order

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        shape = inputs[0].shape
        order = self._order(len(shape))
        return [inputs[0].moved(tuple(shape[i] for i in order), order)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [inputs[0].transpose(self._order(inputs[0].ndim))]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dims": (0, 2, 3, 1)}, ((2, 5, 3, 4),)),
            Case({"dims": (0, 2, 1, 3, 4)}, ((2, 3, 2, 5, 4),)),
            Case({"dims": (1, -2)}, ((3, 11),)),
            Case({"dims": (0, 2, 1)}, ((2, 19, 133),)),
            Case({"dims": (0, 2, 1, 3)}, ((2, 9, 3, 20),)),
            Case({"dims": (3, 0, 2, 1)}, ((3, 17, 1, 6),)),
            Case({"dims": (0, 2, 1, 3)}, ((2, 9, 3, 20),), dtypes=("uint8",)),
        ]


OPS = (Concat, Split, IndexSelect, Permute)
