"""Values repeated along their dimensions: expand and tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyinfer.graph import Shape, TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integers, require
from tinyinfer.ops.dtypes import ANY_DTYPE

MOST_ELEMENTS = 2**31  # of the output: a few counts in a file must not ask for more memory than a machine has


class Repeated(Op):
    """Base: the input in the larger shape that `repeated_shape` gives."""

    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    def repeated_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of this shape; raises GraphError when it does not fit."""
        raise NotImplementedError

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        found = inputs[0].reshaped(self.repeated_shape(inputs[0].shape))
        require(found.size <= MOST_ELEMENTS, f"output: expected at most {MOST_ELEMENTS} elements, found shape {found}")
        return [found]


@dataclass(frozen=True)
class Expand(Repeated):
    """Dimensions of size 1 repeated up to ``size``, -1 leaving a dimension as it is, as torch.Tensor.expand.

    ``size`` may name more dimensions than the input has: new ones come first.
    """

    name: ClassVar[str] = "expand"

    size: tuple[int, ...]

    def __post_init__(self) -> None:
        self.normalize(size=integers(self.size, "size", least=-1))
        require(0 not in self.size, f"size: expected sizes from 1 on or -1, found {self.size}")

    def repeated_shape(self, shape: Shape) -> Shape:
        new = len(self.size) - len(shape)
        require(new >= 0, f"size: expected {len(shape)} dimensions or more for {TensorType(shape)}, found {self.size}")
        require(-1 not in self.size[:new], f"size: expected sizes for the {new} new dimensions, found {self.size}")
        for old, size in zip(shape, self.size[new:], strict=True):
            fits = size in (-1, old) or old == 1
            require(fits, f"size: {TensorType(shape)} does not expand to {self.size}")
        kept = (old if size == -1 else size for old, size in zip(shape, self.size[new:], strict=True))
        return (*self.size[:new], *kept)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.broadcast_to(inputs[0], self.repeated_shape(inputs[0].shape)).copy()]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"size": (-1, 7, 3, 4)}, ((2, 7, 1, 1),)),
            Case({"size": (2, 5, -1, 11)}, ((3, 1),)),
            Case({"size": (4,)}, ((),)),
        ]


@dataclass(frozen=True)
class Tile(Repeated):
    """The whole input repeated ``dims[i]`` times along dimension i, as torch.tile.

    Counts and dimensions are aligned at their last, and missing first ones are 1.
    """

    name: ClassVar[str] = "tile"

    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        self.normalize(dims=integers(self.dims, "dims", least=1))

    def repeated_shape(self, shape: Shape) -> Shape:
        rank = max(len(shape), len(self.dims))
        sizes = (*[1] * (rank - len(shape)), *shape)
        return tuple(size * count for size, count in zip(sizes, self.counts(rank), strict=True))

    def counts(self, rank: int) -> tuple[int, ...]:
        """How often each of ``rank`` dimensions is repeated."""
        return (*[1] * (rank - len(self.dims)), *self.dims)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.tile(inputs[0], self.dims)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dims": (1, 1, 2, 3)}, ((2, 7, 3, 4),)),
            Case({"dims": (3,)}, ((3, 11),)),
            Case({"dims": (2, 1, 2)}, ((5, 3),)),
        ]


OPS = (Expand, Tile)
