"""Pixel shuffle and back: a transposition within every pixel, as whose rows lie apart in the larger image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.movement.byte_order import transpose_bytes
from tinyinfer.kernels.movement.copies import transpose
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.dtypes import BYTES
from tinyinfer.ops.movement.pixel_shuffle import PixelShuffle, PixelUnshuffle


@task
def shuffle_pixels(part, parts, small: Rows, large: Rows, w, c, r, inverse, rows):
    """Pixels of c * r * r floats, ``rows`` rows of them, to r x r pixels of c floats, or back."""
    p0, p1 = own_range(part, rows, parts)
    for p in range(p0, p1):
        for j in range(w):
            for i in range(r):
                matrix = Rows(small.at(p * w + j, i * r).address, r * r)
                line = large.at(((p * r + i) * w + j) * r)
                if inverse:
                    transpose(line, r, c, matrix)
                else:
                    transpose(matrix, c, r, line)


@task
def shuffle_pixels_of_bytes(part, parts, small: ByteRows, large: ByteRows, w, c, r, inverse, rows):
    """The same of bytes."""
    p0, p1 = own_range(part, rows, parts)
    for p in range(p0, p1):
        for j in range(w):
            for i in range(r):
                matrix = ByteRows(small.at(p * w + j, i * r).address, r * r)
                line = large.at(((p * r + i) * w + j) * r)
                if inverse:
                    transpose_bytes(line, r, c, matrix)
                else:
                    transpose_bytes(matrix, c, r, line)


class _Shuffle(Kernel):
    """What the two directions share."""

    name = "transpose"
    dtypes = ("float32", *BYTES)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind_between(self, small: FeatureMap, large: FeatureMap, r: int, inverse: bool) -> Bound:
        """The call between the image of many channels and the one of many pixels."""
        threads = worthwhile(self.problem.threads, small.pixels * small.c)
        rows = small.n * small.h
        if small.data.itemsize == 1:
            maps = ByteRows.of(small), ByteRows.of(large)
            return shuffle_pixels_of_bytes.bind(threads, *maps, small.w, large.c, r, inverse, rows)
        return shuffle_pixels.bind(threads, Rows.of(small), Rows.of(large), small.w, large.c, r, inverse, rows)


class Shuffle(_Shuffle):
    """Channels to pixels."""

    op = "pixel_shuffle"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, PixelShuffle)
        return self.bind_between(inputs[0], outputs[0], self.problem.op.upscale_factor, inverse=False)


class Unshuffle(_Shuffle):
    """Pixels to channels."""

    op = "pixel_unshuffle"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, PixelUnshuffle)
        return self.bind_between(outputs[0], inputs[0], self.problem.op.downscale_factor, inverse=True)


KERNELS = (Shuffle, Unshuffle)
