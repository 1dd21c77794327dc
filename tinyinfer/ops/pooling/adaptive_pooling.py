"""Pooling to a given output size; size 1 is global pooling."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integer, operator, require, require_rank

OutputSize = tuple[int | None, int | None]


def bins(size: int, count: int) -> list[slice]:
    """``count`` stretches that cover ``size`` pixels: bin i is floor(i size / count) to ceil((i + 1) size / count)."""
    return [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


class AdaptivePool2d(Op):
    """Base: x (N, C, H, W) to (N, C, *output_size), each output reducing its bin; None keeps a side as it is."""

    output_size: OutputSize

    def __post_init__(self) -> None:
        given: Any = self.output_size
        sides = given if isinstance(given, list | tuple) else (given, given)
        require(len(sides) == 2, f"output_size: expected one or two integers, found {given!r}")
        self.normalize(output_size=tuple(s if s is None else integer(s, "output_size", least=1) for s in sides))

    def out_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the output for an image of this size."""
        h, w = self.output_size
        return size[0] if h is None else h, size[1] if w is None else w

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require_rank(x, 4)
        n, c, h, w = x.shape
        return [TensorType((n, c, *self.out_size((h, w))), x.dtype)]

    def reduce(self, window: np.ndarray) -> np.ndarray:
        """(N, C, h, w) to (N, C)."""
        raise NotImplementedError

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        n, c, h, w = x.shape
        ho, wo = self.out_size((h, w))
        y = np.empty((n, c, ho, wo), x.dtype)
        for i, rows in enumerate(bins(h, ho)):
            for j, columns in enumerate(bins(w, wo)):
                y[:, :, i, j] = self.reduce(x[:, :, rows, columns])
        return [y]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(*x: int, output_size: int | OutputSize) -> Case:
            return Case({"output_size": output_size}, (x,))

        return [
            case(2, 33, 7, 7, output_size=1),
            case(1, 40, 16, 15, output_size=1),
            case(1, 5, 13, 11, output_size=7),
            case(1, 3, 4, 5, output_size=(6, 7)),
            case(1, 6, 9, 10, output_size=(None, 1)),
        ]


@operator
class AdaptiveAvgPool2d(AdaptivePool2d):
    """The mean of each bin."""

    name: ClassVar[str] = "adaptive_avg_pool2d"

    output_size: OutputSize

    def reduce(self, window: np.ndarray) -> np.ndarray:
        """Mean over height and width."""
        return np.asarray(window.mean(axis=(2, 3)))


@operator
class AdaptiveMaxPool2d(AdaptivePool2d):
    """The largest value of each bin."""

    name: ClassVar[str] = "adaptive_max_pool2d"

    output_size: OutputSize

    def reduce(self, window: np.ndarray) -> np.ndarray:
        """Maximum over height and width."""
        return np.asarray(window.max(axis=(2, 3)))


OPS = (AdaptiveAvgPool2d, AdaptiveMaxPool2d)
