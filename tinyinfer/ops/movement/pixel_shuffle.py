"""Channels as pixels and back: pixel_shuffle and pixel_unshuffle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integer, operator, require, require_rank
from tinyinfer.ops.dtypes import ANY_DTYPE


@operator
class PixelShuffle(Op):
    """Channels c * r * r + i * r + j become pixel (i, j) of an r x r square: (N, C r^2, H, W) to (N, C, H r, W r).

    The sub-pixel convolution of Shi et al. 2016 is a convolution followed by this; r is ``upscale_factor``.
    """

    name: ClassVar[str] = "pixel_shuffle"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    upscale_factor: int

    def __post_init__(self) -> None:
        self.normalize(upscale_factor=integer(self.upscale_factor, "upscale_factor", least=1))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, r = inputs[0], self.upscale_factor
        require_rank(x, 4)
        n, c, h, w = x.shape
        require(c % (r * r) == 0, f"upscale_factor {r} squared does not divide {c} channels")
        return [x.reshaped((n, c // (r * r), h * r, w * r))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, r = inputs[0], self.upscale_factor
        n, c, h, w = x.shape
        squares = x.reshape(n, c // (r * r), r, r, h, w)
        return [squares.transpose(0, 1, 4, 2, 5, 3).reshape(n, c // (r * r), h * r, w * r)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"upscale_factor": 2}, ((2, 20, 3, 5),)),
            Case({"upscale_factor": 3}, ((1, 27, 4, 3),)),
            Case({"upscale_factor": 2}, ((1, 76, 7, 6),)),
            Case({"upscale_factor": 1}, ((1, 3, 4, 5),)),
        ]


@operator
class PixelUnshuffle(Op):
    """The way back: (N, C, H r, W r) to (N, C r^2, H, W); r is ``downscale_factor``."""

    name: ClassVar[str] = "pixel_unshuffle"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    downscale_factor: int

    def __post_init__(self) -> None:
        self.normalize(downscale_factor=integer(self.downscale_factor, "downscale_factor", least=1))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, r = inputs[0], self.downscale_factor
        require_rank(x, 4)
        n, c, h, w = x.shape
        require(h % r == 0 and w % r == 0, f"downscale_factor {r} does not divide an image of {h}x{w}")
        return [x.reshaped((n, c * r * r, h // r, w // r))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, r = inputs[0], self.downscale_factor
        n, c, h, w = x.shape
        squares = x.reshape(n, c, h // r, r, w // r, r)
        return [squares.transpose(0, 1, 3, 5, 2, 4).reshape(n, c * r * r, h // r, w // r)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({"downscale_factor": 2}, ((2, 5, 6, 10),)),
            Case({"downscale_factor": 3}, ((1, 3, 12, 9),)),
            Case({"downscale_factor": 2}, ((1, 19, 14, 12),)),
            Case({"downscale_factor": 1}, ((1, 3, 4, 5),)),
        ]


OPS = (PixelShuffle, PixelUnshuffle)
