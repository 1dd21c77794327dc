"""Images looked at where a grid of points says."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, flag, operator, require
from tinyinfer.ops.pooling.interpolate import Taps, cubic

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")
FURTHEST = 2.0**30  # pixels: points further off, and NaN, are as good as there


@operator
class GridSample(Op):
    """y[n, :, i, j] = x[n] at the point grid[n, i, j], as torch's grid_sample (Jaderberg et al. 2015, section 3.3).

    x (N, C, H, W), grid (N, H', W', 2) of points (x, y) from -1 to 1: these are the outer edges of the outer pixels, or
    with ``align_corners`` their centres; volumes have one dimension more, and points (x, y, z).  Between pixels
    ``mode`` takes the nearest or mixes 2 or 4 along each dimension; beyond the border there are zeros, the border's
    pixels ("border"), or the image's reflection.
    """

    name: ClassVar[str] = "grid_sample"
    arity: ClassVar[int | None] = 2

    mode: str = "bilinear"
    padding_mode: str = "zeros"
    align_corners: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (("mode", self.mode, MODES), ("padding_mode", self.padding_mode, PADDING_MODES)):
            good = isinstance(value, str) and value in known
            require(good, f"{what}: expected one of {', '.join(known)}, found {value!r}")
        flag(self.align_corners, "align_corners")

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, grid = inputs
        rank = len(x.shape)
        require(rank in (4, 5), f"input: expected images or volumes, found shape {x}")
        good = len(grid.shape) == rank and grid.shape[0] == x.shape[0] and grid.shape[-1] == rank - 2
        require(good, f"grid: expected rank {rank}, {x.shape[0]} grids of {rank - 2} numbers a point, found {grid}")
        return [TensorType((*x.shape[:2], *grid.shape[1:-1]), x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """The weighted sum over the pixels around each point."""
        x, grid = inputs
        n, c, *size = x.shape
        sides = [self._taps(grid[..., -1 - i], side) for i, side in enumerate(size)]  # points begin with the column
        images = np.arange(n).reshape(n, *[1] * len(size))
        y = np.zeros((*grid.shape[:-1], c), x.dtype)
        for taps in itertools.product(*(range(side.source.shape[-1]) for side in sides)):
            places = [side.source[..., tap] for side, tap in zip(sides, taps, strict=True)]
            weight = math.prod(side.weight[..., tap] for side, tap in zip(sides, taps, strict=True))
            y += x.transpose(0, *range(2, x.ndim), 1)[images, *places] * np.asarray(weight, x.dtype)[..., None]
        return [np.ascontiguousarray(np.moveaxis(y, -1, 1))]

    def _taps(self, points: np.ndarray, size: int) -> Taps:
        """Along one dimension of ``size`` pixels those around each point, and their weights: (..., taps) each."""
        at = (points + 1) / 2 * (size - 1) if self.align_corners else ((points + 1) * size - 1) / 2
        at = np.clip(np.where(np.isnan(at), -FURTHEST, at), -FURTHEST, FURTHEST)
        if self.mode == "nearest":
            index = np.rint(at)[..., None]
            weight = np.ones_like(index)
        elif self.mode == "bilinear":
            index = np.floor(at)[..., None] + np.arange(2)
            weight = 1 - np.abs(at[..., None] - index)
        else:
            index = np.floor(at)[..., None] + np.arange(-1, 3)
            weight = cubic(at[..., None] - index)
        if self.padding_mode == "zeros":
            weight = np.where((index >= 0) & (index < size), weight, 0)
        elif self.padding_mode == "reflection":
            index = self._reflected(index, size)
        return Taps(np.clip(index, 0, size - 1).astype(np.int64), weight)

    def _reflected(self, index: np.ndarray, size: int) -> np.ndarray:
        """Places mirrored at the centres of the outer pixels, or at their outer edges, until they are inside."""
        first = 0.0 if self.align_corners else -0.5
        length = size - 1 - 2 * first
        if length == 0:
            return np.zeros_like(index)
        turned = np.mod(index - first, 2 * length)
        return first + np.where(turned > length, 2 * length - turned, turned)

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Points inside and somewhat outside."""
        x, grid = inputs
        return [*super().example_inputs([x], rng), np.asarray(rng.uniform(-1.3, 1.3, grid.shape), grid.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        images = ((2, 3, 7, 5), (2, 4, 6, 2))
        return [
            Case({}, images),
            Case({"align_corners": True, "padding_mode": "border"}, images),
            Case({"padding_mode": "reflection"}, images),
            Case({"mode": "nearest", "padding_mode": "border"}, images),
            Case({"mode": "bicubic"}, images),
            Case({"mode": "bicubic", "padding_mode": "reflection", "align_corners": True}, images),
        ]


OPS = (GridSample,)
