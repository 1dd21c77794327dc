"""Max pooling that remembers where each maximum lay, and the unpooling that puts values back there.

Positions are kept as floats beside the values, register by register, and counted up as the window is walked through.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.memory import fill_rows
from tinyinfer.kernels.parts import own_range, own_units, worthwhile
from tinyinfer.kernels.pooling import sliding
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import in_turn, task


@vector_function(
    x="address", x_row="int", rows="int", x_stride="int", columns="int", first="float", row_step="float",
    column_step="float", y="address", at="address", channels="int",
)  # fmt: skip
def find_largest(v, x, x_row, rows, x_stride, columns, first, row_step, column_step, y, at, channels):
    """The first of the largest values of a window, or its last NaN, and its position; the window's own is ``first``."""
    step, next_row = v.broadcast(column_step), v.broadcast(row_step)
    with v.loop(channels, LANES) as block:
        mask = v.mask(channels - block)
        largest, place = v.variable(v.constant(float("-inf"))), v.variable(v.broadcast(first))
        line = v.variable(v.broadcast(first))
        with v.loop(rows) as row:
            position = v.variable(line.get())
            with v.loop(columns) as column:
                value = v.load_masked(x, row * x_row + column * x_stride + block, mask)
                better = v.union(v.above(value, largest.get()), v.is_nan(value))
                largest.set(v.where(better, value, largest.get()))
                place.set(v.where(better, position.get(), place.get()))
                position.set(v.add(position.get(), step))
            line.set(v.add(line.get(), next_row))
        v.store_masked(largest.get(), y, block, mask)
        v.store_masked(place.get(), at, block, mask)


@task
def pool_with_places(part, parts, x, x_stride, h, w, c, windows, y, y_stride, at, at_stride, out_h, out_w, pixels):
    """Each window's maximum, and its position row * w + column: -1 for a window that sees nothing."""
    row_start, row_count, column_start, column_count, dilation_h, dilation_w, _ = windows
    p0, p1 = own_range(part, pixels, parts)
    for p in range(p0, p1):
        image, i, j = p // (out_h * out_w), p // out_w % out_h, p % out_w
        first, seen = row_start[i] * w + column_start[j], row_count[i] * column_count[j] > 0
        find_largest(
            x.ctypes.data + (image * h * w + first) * x_stride * 4, dilation_h * w * x_stride, row_count[i],
            dilation_w * x_stride, column_count[j], np.float32(first if seen else -1), np.float32(dilation_h * w),
            np.float32(dilation_w), y.ctypes.data + p * y_stride * 4, at.ctypes.data + p * at_stride * 4, c,
        )  # fmt: skip


class MaxPoolWithIndices(Kernel):
    """Any window, any number of channels."""

    op = "max_pool2d_with_indices"
    name = "windows"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y, at), threads = inputs, outputs, self.problem.threads
        return pool_with_places.bind(
            worthwhile(threads, x.pixels * x.c), x.data, x.pixel_stride, x.h, x.w, x.c, tuple(sliding(self.problem)),
            y.data, y.pixel_stride, at.data, at.pixel_stride, y.h, y.w, y.pixels,
        )  # fmt: skip


@task
def put_back(part, parts, x, x_stride, at, at_stride, images, pixels, c, y, y_stride, out_pixels, outside):
    """y[at] = x, zeros elsewhere; channels are shared out, so that of equal positions the last has its way.

    outside[part] becomes a position that is not one of the output's.
    """
    c0, c1 = own_units(part, c, LANES, parts)
    fill_rows(np.float32(0), y.ctypes.data + c0 * 4, y_stride, images * out_pixels, c1 - c0)
    for image in range(images):
        for p in range(image * pixels, (image + 1) * pixels):
            for k in range(c0, c1):
                place = at[p * at_stride + k]
                if 0 <= place < out_pixels:
                    y[(image * out_pixels + np.int64(place)) * y_stride + k] = x[p * x_stride + k]
                else:
                    outside[part] = place


class MaxUnpool(Kernel):
    """Any positions."""

    op = "max_unpool2d"
    name = "scatter"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x, at), (y,), threads = inputs[:2], outputs, self.problem.threads
        parts = min(worthwhile(threads, x.pixels * x.c), -(-x.c // LANES))
        outside = np.zeros(parts, np.float32)
        put = put_back.bind(
            parts, x.data, x.pixel_stride, at.data, at.pixel_stride, x.n, x.h * x.w, x.c, y.data, y.pixel_stride,
            y.h * y.w, outside,
        )  # fmt: skip

        def check() -> None:
            if outside.any():
                found = outside[outside != 0][0]
                outside[:] = 0
                raise InputError(f"indices: expected 0 to {y.h * y.w - 1}, found {found:g}")

        return in_turn([put, check])


KERNELS = (MaxPoolWithIndices, MaxUnpool)
