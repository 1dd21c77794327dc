"""Pixel shuffle and back: a transposition within every pixel, as whose rows lie apart in the larger image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.movement.elements import Elements, elements_of, for_each_size
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import Task, task_of
from tinyinfer.ops.dtypes import BYTES
from tinyinfer.ops.movement.pixel_shuffle import PixelShuffle, PixelUnshuffle


def make_shuffle(elements: Elements) -> Task:
    """Pixels of c * r * r elements, ``count`` rows of them, to r x r pixels of c elements, or back."""
    rows, transpose = elements.rows, elements.transpose

    @task_of(small=rows, large=rows)
    def shuffle_pixels(part, parts, small, large, w, c, r, inverse, count):
        p0, p1 = own_range(part, count, parts)
        for p in range(p0, p1):
            for j in range(w):
                for i in range(r):
                    matrix = rows(small.at(p * w + j, i * r).address, r * r)
                    line = large.at(((p * r + i) * w + j) * r)
                    if inverse:
                        transpose(line, r, c, matrix)
                    else:
                        transpose(matrix, c, r, line)

    return shuffle_pixels


SHUFFLE = for_each_size(make_shuffle)


class _Shuffle(Kernel):
    """What the two directions share."""

    name = "transpose"
    dtypes = ("float32", *BYTES)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind_between(self, small: FeatureMap, large: FeatureMap, r: int, inverse: bool) -> Bound:
        """The call between the image of many channels and the one of many pixels."""
        threads, elements = worthwhile(self.problem.threads, small.pixels * small.c), elements_of(small)
        maps = elements.rows.of(small), elements.rows.of(large)
        return SHUFFLE[elements.size].bind(threads, *maps, small.w, large.c, r, inverse, small.n * small.h)


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
