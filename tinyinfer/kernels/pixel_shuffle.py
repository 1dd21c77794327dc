"""Pixel shuffle and back: a transposition within every pixel, as whose rows lie apart in the larger image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.kernels.layout import transpose
from tinyinfer.kernels.parts import SMALL
from tinyinfer.ops.pixel_shuffle import PixelShuffle, PixelUnshuffle


@inline
def shuffle_lines(small, small_stride, large, large_stride, w, c, r, inverse, p0, p1):
    """Rows p0 .. p1 of the small images: pixels of c * r * r floats to r x r pixels of c floats, or back."""
    for p in range(p0, p1):
        for j in range(w):
            pixel = small.ctypes.data + (p * w + j) * small_stride * 4
            for i in range(r):
                line = large.ctypes.data + ((p * r + i) * w + j) * r * large_stride * 4
                if inverse:
                    transpose(line, large_stride, r, c, pixel + i * r * 4, r * r)
                else:
                    transpose(pixel + i * r * 4, r * r, c, r, line, large_stride)


@jit
def shuffle_pixels(small, small_stride, large, large_stride, w, c, r, inverse, rows):
    """All rows."""
    shuffle_lines(small, small_stride, large, large_stride, w, c, r, inverse, 0, rows)


@jit_parallel
def shuffle_pixels_parallel(small, small_stride, large, large_stride, w, c, r, inverse, rows, threads):
    """`shuffle_pixels` with the rows dealt out."""
    for t in prange(threads):
        p0, p1 = rows * t // threads, rows * (t + 1) // threads
        shuffle_lines(small, small_stride, large, large_stride, w, c, r, inverse, p0, p1)


class _Shuffle(Kernel):
    """What the two directions share."""

    name = "transpose"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind_between(self, small: FeatureMap, large: FeatureMap, r: int, inverse: bool) -> Bound:
        """The call between the image of many channels and the one of many pixels."""
        rows, threads = small.n * small.h, self.problem.threads
        args = (
            small.data, small.pixel_stride, large.data, large.pixel_stride, small.w, large.c, r, inverse, rows,
        )  # fmt: skip
        if threads == 1 or small.pixels * small.c < SMALL:
            return partial(shuffle_pixels, *args)
        return partial(shuffle_pixels_parallel, *args, threads)


class Shuffle(_Shuffle):
    """Channels to pixels."""

    op = "pixel_shuffle"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, PixelShuffle)
        return self.bind_between(inputs[0], outputs[0], self.problem.op.upscale_factor, inverse=False)


class Unshuffle(_Shuffle):
    """Pixels to channels."""

    op = "pixel_unshuffle"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, PixelUnshuffle)
        return self.bind_between(outputs[0], inputs[0], self.problem.op.downscale_factor, inverse=True)


KERNELS = (Shuffle, Unshuffle)
