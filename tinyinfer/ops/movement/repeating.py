"""Values repeated along their dimensions: expand and tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import OpCost, Shape, TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integers, operator, require
from tinyinfer.ops.dtypes import ANY_DTYPE

MOST_ELEMENTS = 2**31  # of the output: a few counts in a file must not ask for more memory than a machine has


class Repeated(Op):
    """Base: the input in a larger shape."""

    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    def checked(self, output: TensorType) -> list[TensorType]:
        """The output's type, unless it has too many elements."""
        require(output.size <= MOST_ELEMENTS, f"output: expected at most {MOST_ELEMENTS} elements, found {output}")
        return [output]


@operator
class Expand(Repeated):
    """Dimensions of size 1 repeated up to ``size``, -1 leaving a dimension as it is, as torch.Tensor.expand.

    ``size`` may name more dimensions than the input has: new ones come first.  A 0 stands for a size of the second
    input, ``like``: that of the same dimension, or the zeros in turn for those that ``taken`` lists.
    """

    name: ClassVar[str] = "expand"
    optional_inputs: ClassVar[tuple[str, ...]] = ("like",)

    size: tuple[int, ...]
    taken: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        self.normalize(size=integers(self.size, "size", least=-1))
        if self.taken is not None:
            self.normalize(taken=integers(self.taken, "taken", least=0))
            zeros = self.size.count(0)
            require(len(self.taken) == zeros, f"taken: expected {zeros} dimensions, one for each 0, found {self.taken}")

    def sizes(self, like: Shape | None) -> Shape:
        """``size`` with the zeros filled in."""
        at = [i for i, size in enumerate(self.size) if size == 0]
        taken = dict(zip(at, at if self.taken is None else self.taken, strict=True))
        require(not taken or like is not None, "size: expected a second input to take a size from, found none")
        few = TensorType(like or ())
        require(max(taken.values(), default=-1) < len(few.shape), f"size: {few} has too few dimensions to take from")
        return tuple((like or ())[taken[i]] if i in taken else size for i, size in enumerate(self.size))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        shape = self.expanded_shape(*(t.shape for t in inputs))
        return self.checked(inputs[0].reshaped(shape))

    def expanded_shape(self, shape: Shape, like: Shape | None = None) -> Shape:
        """Shape of the output for an input of this shape; raises GraphError when it does not fit."""
        sizes = self.sizes(like)
        new = len(sizes) - len(shape)
        require(new >= 0, f"size: expected {len(shape)} dimensions or more for {TensorType(shape)}, found {sizes}")
        require(-1 not in sizes[:new], f"size: expected sizes for the {new} new dimensions, found {sizes}")
        for old, size in zip(shape, sizes[new:], strict=True):
            fits = size in (-1, old) or old == 1
            require(fits, f"size: {TensorType(shape)} does not expand to {sizes}")
        kept = (old if size == -1 else size for old, size in zip(shape, sizes[new:], strict=True))
        return (*sizes[:new], *kept)

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Of ``like`` nothing but the shape is read."""
        return super().cost(inputs[:1], params, outputs)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.broadcast_to(inputs[0], self.expanded_shape(*(x.shape for x in inputs))).copy()]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"size": (-1, 7, 3, 4)}, ((2, 7, 1, 1),)),
            Case({"size": (2, 5, -1, 11)}, ((3, 1),)),
            Case({"size": (4,)}, ((),)),
            Case({"size": (0, -1, 0, 0)}, ((1, 7, 1, 1), (2, 5, 3, 4))),
            Case({"size": (0, -1, -1), "taken": (2,)}, ((5, 7), (2, 3, 4))),
        ]


@operator
class Tile(Repeated):
    """The whole input repeated ``dims[i]`` times along dimension i, as torch.tile.

    Counts and dimensions are aligned at their last, and missing first ones are 1.
    """

    name: ClassVar[str] = "tile"

    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        self.normalize(dims=integers(self.dims, "dims", least=1))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return self.checked(inputs[0].reshaped(self.repeated_shape(inputs[0].shape)))

    def repeated_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of this shape."""
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
