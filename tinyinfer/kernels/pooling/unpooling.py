"""Max pooling that remembers where each maximum lay, and the unpooling that puts values back there.

Positions are kept as floats beside the values, register by register, and counted up as the window is walked through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.kernels.arguments.operands import Image, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.memory import fill_rows
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_range, own_units, worthwhile
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.kernels.pooling.windows import Windows, sliding, window_of


class Positions(NamedTuple):
    """The position of a window's first pixel, and the way from there to the next row and the next column of it."""

    first: float
    row: float
    column: float


@vector_function(x=Image, rows="int", columns="int", positions=Positions, y="address", at="address", channels="int")
def find_largest(v, x, rows, columns, positions, y, at, channels):
    """The first of the largest values of a window, or its last NaN, and its position."""
    first, next_row, step = map(v.broadcast, positions)
    with v.loop(channels, LANES) as block:
        mask = v.mask(channels - block)
        largest, place, line = v.variable(v.constant(float("-inf"))), v.variable(first), v.variable(first)
        with v.loop(rows) as row:
            position = v.variable(line.get())
            with v.loop(columns) as column:
                value = v.load_masked(x.address, row * x.row + column * x.pixel + block, mask)
                better = v.union(v.above(value, largest.get()), v.is_nan(value))
                largest.set(v.where(better, value, largest.get()))
                place.set(v.where(better, position.get(), place.get()))
                position.set(v.add(position.get(), step))
            line.set(v.add(line.get(), next_row))
        v.store_masked(largest.get(), y, block, mask)
        v.store_masked(place.get(), at, block, mask)


@task
def pool_with_places(part, parts, x: Rows, c, windows: Windows, y: Rows, at: Rows, pixels):
    """Each window's maximum, and its position row * w + column: -1 for a window that sees nothing."""
    h, w = windows.h, windows.w
    row_step, column_step = windows.dilation_h * w, windows.dilation_w
    p0, p1 = own_range(part, pixels, parts)
    for p in range(p0, p1):
        image, row, column, rows, columns, _ = window_of(windows, p)
        first = row * w + column
        window = Image(x.at(image * h * w + first).address, row_step * x.stride, column_step * x.stride)
        start = first if rows * columns > 0 else -1
        positions = Positions(np.float32(start), np.float32(row_step), np.float32(column_step))
        find_largest(window, rows, columns, positions, y.at(p).address, at.at(p).address, c)


class MaxPoolWithIndices(Kernel):
    """Any window, any number of channels."""

    op = "max_pool2d_with_indices"
    name = "windows"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y, at), threads = inputs, outputs, self.problem.threads
        parts, windows = worthwhile(threads, x.pixels * x.c), sliding(self.problem)
        return pool_with_places.bind(parts, Rows.of(x), x.c, windows, Rows.of(y), Rows.of(at), y.pixels)


class Pixels(NamedTuple):
    """The pixels of a map as Numba reads and writes them one float at a time: an array, and the distance of pixels."""

    values: np.ndarray
    stride: int

    @classmethod
    def of(cls, pixels: FeatureMap) -> Pixels:
        """Those of a whole batch."""
        return cls(pixels.data, pixels.pixel_stride)


@task
def put_back(part, parts, x: Pixels, at: Pixels, images, pixels, c, y: Pixels, out_pixels, outside):
    """y[at] = x, zeros elsewhere; channels are shared out, so that of equal positions the last has its way.

    outside[part] becomes a position that is not one of the output's.
    """
    c0, c1 = own_units(part, c, LANES, parts)
    fill_rows(np.float32(0), y.values.ctypes.data + c0 * 4, y.stride, images * out_pixels, c1 - c0)
    for image in range(images):
        for p in range(image * pixels, (image + 1) * pixels):
            for k in range(c0, c1):
                place = at.values[p * at.stride + k]
                if 0 <= place < out_pixels:
                    y.values[(image * out_pixels + np.int64(place)) * y.stride + k] = x.values[p * x.stride + k]
                else:
                    outside[part] = place


class MaxUnpool(Kernel):
    """Any positions."""

    op = "max_unpool2d"
    name = "scatter"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x, at), (y,), threads = inputs[:2], outputs, self.problem.threads
        parts = min(worthwhile(threads, x.pixels * x.c), -(-x.c // LANES))
        outside = np.zeros(parts, np.float32)
        put = put_back.bind(parts, Pixels.of(x), Pixels.of(at), x.n, x.h * x.w, x.c, Pixels.of(y), y.h * y.w, outside)

        def check() -> None:
            if outside.any():
                found = outside[outside != 0][0]
                outside[:] = 0
                raise InputError(f"indices: expected 0 to {y.h * y.w - 1}, found {found:g}")

        return in_turn([put, check])


KERNELS = (MaxPoolWithIndices, MaxUnpool)
