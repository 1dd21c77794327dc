"""Pixels as rows of one matrix and back: as detectors hand on boxes and classes, and as attention sees a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    integer,
    operator,
    pair,
    require,
    require_rank,
)
from tinyinfer.ops.dtypes import ANY_DTYPE


@operator
class JoinPixels(Op):
    """Maps (N, C, H, W) with their channels last, in rows of ``width`` numbers, one map after the other.

    The result is (N, rows, width), of sum(C * H * W) / width rows.  Passes make this operator of permute, reshape and
    concat; model files do not hold it.
    """

    name: ClassVar[str] = "join_pixels"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    arity: ClassVar[int | None] = None
    composite: ClassVar[bool] = True

    width: int

    def __post_init__(self) -> None:
        self.normalize(width=integer(self.width, "width", least=1))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        for t in inputs:
            require_rank(t, 4)
            require(t.shape[0] == inputs[0].shape[0], f"expected inputs of as many images, found {inputs[0]} and {t}")
            require(math.prod(t.shape[1:]) % self.width == 0, f"an image of {t} does not fill rows of {self.width}")
        rows = sum(math.prod(t.shape[1:]) for t in inputs) // self.width
        return [TensorType((inputs[0].shape[0], rows, self.width), inputs[0].dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return [np.concatenate([x.transpose(0, 2, 3, 1).reshape(len(x), -1, self.width) for x in inputs], axis=1)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"width": 4}, ((2, 24, 5, 3), (2, 24, 2, 1), (2, 16, 1, 1))),
            Case({"width": 91}, ((1, 546, 3, 3), (1, 546, 2, 2))),
            Case({"width": 5}, ((3, 5, 4, 7),)),
        ]


@operator
class PixelsToImages(Op):
    """Rows of channels (N, H * W, C), a pixel each, as maps (N, C, H, W) of this ``size``.

    Passes make this operator of permute and reshape; model files do not hold it.
    """

    name: ClassVar[str] = "pixels_to_images"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE
    composite: ClassVar[bool] = True

    size: tuple[int, int]

    def __post_init__(self) -> None:
        self.normalize(size=pair(self.size, "size", least=1))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        require_rank(inputs[0], 3)
        n, rows, c = inputs[0].shape
        require(rows == math.prod(self.size), f"{rows} rows are no image of {self.size[0]}x{self.size[1]}")
        return [TensorType((n, c, *self.size), inputs[0].dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        n, _, c = inputs[0].shape
        return [inputs[0].reshape(n, *self.size, c).transpose(0, 3, 1, 2)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({"size": (3, 4)}, ((2, 12, 5),)), Case({"size": (1, 7)}, ((1, 7, 33),))]


OPS = (JoinPixels, PixelsToImages)
