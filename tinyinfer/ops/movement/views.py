"""The same values looked at differently: flatten, reshapes, squeeze, unsqueeze, and two operators that do nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import OpCost, Shape, TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    axes,
    axis,
    integer,
    integers,
    number,
    one_or_more,
    operator,
    require,
)
from tinyinfer.ops.dtypes import ANY_DTYPE


class View(Op):
    """Base: the input's elements in the shape that `view_shape` gives; nothing is computed or moved."""

    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    follows_sizes: ClassVar[bool] = True

    def view_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of this shape; raises GraphError when it does not fit."""
        return shape

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [inputs[0].reshaped(self.view_shape(inputs[0].shape))]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Nothing."""
        return OpCost()

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [inputs[0].reshape(self.view_shape(inputs[0].shape))]


@operator
class Flatten(View):
    """Dimensions ``start_dim`` to ``end_dim`` as one, as torch.flatten; start_dim 1 keeps the batch."""

    name: ClassVar[str] = "flatten"

    start_dim: int = 0
    end_dim: int = -1

    def __post_init__(self) -> None:
        self.normalize(start_dim=integer(self.start_dim, "start_dim"), end_dim=integer(self.end_dim, "end_dim"))

    def view_shape(self, shape: Shape) -> Shape:
        first, last = axis(self.start_dim, len(shape)), axis(self.end_dim, len(shape))
        require(first <= last, f"start_dim {self.start_dim} comes after end_dim {self.end_dim}")
        return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"start_dim": 1}, ((2, 5, 3, 4),)),
            Case({"start_dim": 1}, ((2, 33, 1, 1),)),
            Case({"start_dim": -2, "end_dim": -1}, ((2, 5, 3, 4),)),
            Case({}, ((2, 5),)),
        ]


@operator
class Reshape(View):
    """The same elements in another shape: one -1 takes what is left, a 0 keeps a dimension of the input.

    That is the dimension of its own position, or the zeros in turn keep those that ``kept`` lists: (0, 2, -1, 0, 0)
    with kept (0, 2, 3) takes images of any size to two groups of channels.  ONNX's Reshape has the -1 and zeros of
    their own positions, torch only the -1.
    """

    name: ClassVar[str] = "reshape"

    shape: tuple[int, ...]
    kept: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        self.normalize(shape=integers(self.shape, "shape", least=-1))
        require(self.shape.count(-1) <= 1, f"shape: expected at most one -1, found {self.shape}")
        if self.kept is not None:
            self.normalize(kept=integers(self.kept, "kept", least=0))
            zeros = self.shape.count(0)
            require(len(self.kept) == zeros, f"kept: expected {zeros} dimensions, one for each 0, found {self.kept}")

    def keeps(self) -> tuple[int | None, ...]:
        """For each dimension of the output that of the input that it keeps, None where it keeps none."""
        if self.kept is None:
            return tuple(i if size == 0 else None for i, size in enumerate(self.shape))
        listed = iter(self.kept)
        return tuple(next(listed) if size == 0 else None for size in self.shape)

    def view_shape(self, shape: Shape) -> Shape:
        keeps = self.keeps()
        require(
            all(i is None or i < len(shape) for i in keeps),
            f"shape {self.shape} keeps a dimension that {TensorType(shape)} does not have",
        )
        wanted = [size if i is None else shape[i] for i, size in zip(keeps, self.shape, strict=True)]
        total, known = math.prod(shape), math.prod(s for s in wanted if s != -1)
        fits = (known > 0 and total % known == 0) if -1 in wanted else total == known
        require(fits, f"{TensorType(shape)} with {total} elements does not fit shape {self.shape}")
        return tuple(total // known if s == -1 else s for s in wanted)

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"shape": (0, -1)}, ((2, 5, 3, 4),)),
            Case({"shape": (0, 2, 3, -1)}, ((2, 6, 5, 1),)),
            Case({"shape": (-1, 6)}, ((2, 3, 4),)),
            Case({"shape": (0, -1, 1, 1)}, ((3, 11),)),
            Case({"shape": (0, 2, -1, 2, 2)}, ((2, 6, 4),)),
            Case({"shape": ()}, ((1, 1),)),
            Case({"shape": (0, 2, -1, 0, 0), "kept": (0, 2, 3)}, ((2, 6, 5, 3),)),
            Case({"shape": (-1, 0), "kept": (3,)}, ((2, 6, 5, 3),)),
            Case({"shape": (2, -1)}, ((8,),), dtypes=("int64",)),
        ]


class ReshapeAs(Op):
    """The elements of x in the shape of a second input, which is not read, as torch.Tensor.reshape_as.

    It brings images back whose free height and width had been one dimension.
    """

    name: ClassVar[str] = "reshape_as"
    arity: ClassVar[int | None] = 2
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, other = inputs
        fits = math.prod(map(int, x.shape)) == math.prod(map(int, other.shape))
        require(fits, f"{x} does not have as many elements as {other}")
        return [x.reshaped(other.shape)]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """Nothing."""
        return OpCost()

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [inputs[0].reshape(inputs[1].shape)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 6, 20), (2, 6, 4, 5))),
            Case({}, ((2, 3, 2, 4), (3, 16))),
            Case({}, ((4, 3), (12,)), dtypes=("int64", "int64")),
        ]


@operator
class Squeeze(View):
    """Without the dimensions ``dim``, one or several, all of size 1.

    torch passes over a dimension of another size; here it raises GraphError, so that the rank depends on no size.
    """

    name: ClassVar[str] = "squeeze"

    dim: tuple[int, ...]

    def __post_init__(self) -> None:
        self.normalize(dim=one_or_more(self.dim, "dim"))

    def view_shape(self, shape: Shape) -> Shape:
        gone = axes(self.dim, len(shape))
        for at in gone:
            require(shape[at] == 1, f"dim {at}: expected size 1, found {shape[at]} in {TensorType(shape)}")
        return tuple(size for at, size in enumerate(shape) if at not in gone)

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": (2, 3)}, ((2, 33, 1, 1),)),
            Case({"dim": -2}, ((3, 1, 11),)),
            Case({"dim": 0}, ((1,),)),
        ]


@operator
class Unsqueeze(View):
    """With new dimensions of size 1, which are the output's dimensions ``dim``, one or several."""

    name: ClassVar[str] = "unsqueeze"

    dim: tuple[int, ...]

    def __post_init__(self) -> None:
        self.normalize(dim=one_or_more(self.dim, "dim"))

    def view_shape(self, shape: Shape) -> Shape:
        rank = len(shape) + len(self.dim)
        new, old = axes(self.dim, rank), iter(shape)
        return tuple(1 if at in new else next(old) for at in range(rank))

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"dim": (2, -1)}, ((2, 33),)),
            Case({"dim": 0}, ((5, 3, 4),)),
            Case({"dim": (3, 1)}, ((2, 5, 3, 4),)),
            Case({"dim": -1}, ((),)),
        ]


@operator
class Dropout(View):
    """Nothing, at inference; ``p`` is what training dropped."""

    name: ClassVar[str] = "dropout"

    p: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= number(self.p, "p") <= 1, f"p: expected 0 to 1, found {self.p}")

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({"p": 0.2}, ((2, 5, 3, 4),)), Case({}, ((3, 11),))]


class Identity(View):
    """Nothing; holds the place of a module that some variants leave out."""

    name: ClassVar[str] = "identity"

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, ((2, 5, 3, 4),)), Case({}, ((3, 11),))]


OPS = (Flatten, Reshape, ReshapeAs, Squeeze, Unsqueeze, Dropout, Identity)
