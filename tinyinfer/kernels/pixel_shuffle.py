"""Pixel shuffle and back: a transposition within every pixel, as whose rows lie apart in the larger image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.layout import transpose
from tinyinfer.kernels.parts import own_range, worthwhile
from tinyinfer.kernels.task import task
from tinyinfer.ops.pixel_shuffle import PixelShuffle, PixelUnshuffle


@task
def shuffle_pixels(part, parts, small, small_stride, large, large_stride, w, c, r, inverse, rows):
    """Pixels of c * r * r floats, ``rows`` rows of them, to r x r pixels of c floats, or back."""
    p0, p1 = own_range(part, rows, parts)
    for p in range(p0, p1):
        for j in range(w):
            pixel = small.ctypes.data + (p * w + j) * small_stride * 4
            for i in range(r):
                line = large.ctypes.data + ((p * r + i) * w + j) * r * large_stride * 4
                if inverse:
                    transpose(line, large_stride, r, c, pixel + i * r * 4, r * r)
                else:
                    transpose(pixel + i * r * 4, r * r, c, r, line, large_stride)


class _Shuffle(Kernel):
    """What the two directions share."""

    name = "transpose"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind_between(self, small: FeatureMap, large: FeatureMap, r: int, inverse: bool) -> Bound:
        """The call between the image of many channels and the one of many pixels."""
        threads = worthwhile(self.problem.threads, small.pixels * small.c)
        return shuffle_pixels.bind(
            threads, small.data, small.pixel_stride, large.data, large.pixel_stride, small.w, large.c, r, inverse,
            small.n * small.h,
        )  # fmt: skip


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
