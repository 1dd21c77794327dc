"""Pooling with small windows: each value of a window is loaded by an instruction of its own.

For a maximum, rows and columns beside the image are replaced by the nearest ones inside, which the window sees anyhow,
and a maximum does not change where a value is seen twice; for a mean, by a line of zeros.  So there is no loop over a
window, and no branch at the border.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.parts import own_range
from tinyinfer.kernels.pooling import POOL_SMALL, sliding
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import Task, task
from tinyinfer.ops.pooling import WindowPool

SIZES = (2, 3)  # of windows
NAN = float("nan")
_ROW = {
    "x": "address", "h": "int", "x_row": "int", "w": "int", "x_stride": "int", "top": "int", "left": "int",
    "stride": "int", "scale": "address", "zeros": "address", "y": "address", "y_stride": "int", "outputs": "int",
    "channels": "int",
}  # fmt: skip


def make_max_row(size: int) -> Any:
    """A row of largest values, NaN where one is in a window; the last register of channels overlaps the one before."""

    @vector_function(**_ROW)
    def row(v, x, h, x_row, w, x_stride, top, left, stride, scale, zeros, y, y_stride, outputs, channels):
        def inside(at, count):
            at = v.select(at < 0, count * 0, at)
            return v.select(at < count, at, count - 1)

        lines = [x + inside(top + i, h) * (x_row * 4) for i in range(size)]
        with v.loop(outputs) as ox:
            columns = [inside(ox * stride - left + j, w) * x_stride for j in range(size)]
            with v.loop(channels, LANES) as block:
                first = v.select(block < channels - LANES, block, channels - LANES)
                values = [v.load(line, column + first) for line in lines for column in columns]
                pairs = zip(values[::2], [*values[1::2], values[-1]], strict=False)
                poisoned = functools.reduce(v.union, [v.unordered(a, b) for a, b in pairs])
                largest = functools.reduce(v.max, values)
                v.store(v.where(poisoned, v.constant(NAN), largest), y, ox * y_stride + first)

    return row


def make_mean_row(size: int) -> Any:
    """A row of sums times the ``scale`` of each output, which counts what its window sees."""

    @vector_function(**_ROW)
    def row(v, x, h, x_row, w, x_stride, top, left, stride, scale, zeros, y, y_stride, outputs, channels):
        def unless_beside(address, at, count):
            return v.select(at < 0, zeros, v.select(at < count, address, zeros))

        with v.loop(outputs) as ox:
            factor, places = v.load_broadcast(scale, ox), []
            for i in range(size):
                for j in range(size):
                    column = ox * stride - left + j
                    address = x + ((top + i) * x_row + column * x_stride) * 4
                    places.append(unless_beside(unless_beside(address, column, w), top + i, h))
            with v.loop(channels, LANES) as block:
                first = v.select(block < channels - LANES, block, channels - LANES)
                values = [v.load(place, first) for place in places]
                lines = [functools.reduce(v.add, values[i : i + size]) for i in range(0, len(values), size)]
                v.store(v.mul(functools.reduce(v.add, lines), factor), y, ox * y_stride + first)

    return row


def make_pool(row: Any) -> Task:
    """Row by row; ``scale`` has a factor for each output of an image, ``zeros`` one for each channel."""

    @task
    def pool(
        part, parts, x, x_stride, h, w, top, left, stride_h, stride_w, scale, zeros, y, y_stride, out_h, out_w, c, rows
    ):  # fmt: skip
        p0, p1 = own_range(part, rows, parts)
        for p in range(p0, p1):
            image, oy = p // out_h, p % out_h
            row(
                x.ctypes.data + image * h * w * x_stride * 4, h, w * x_stride, w, x_stride, oy * stride_h - top, left,
                stride_w, scale.ctypes.data + oy * out_w * 4, zeros.ctypes.data,
                y.ctypes.data + p * out_w * y_stride * 4, y_stride, out_w, c,
            )  # fmt: skip

    return pool


MAX, MEAN = ({size: make_pool(make_row(size)) for size in SIZES} for make_row in (make_max_row, make_mean_row))


class _SmallWindows(Kernel):
    """Square windows of 2x2 or 3x3, at least a register of channels."""

    name = "small_windows"
    by_size: ClassVar[dict[int, Task]]

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op: Any = problem.op
        assert isinstance(op, WindowPool)
        square = op.kernel_size[0] == op.kernel_size[1] in SIZES and op.dilation == (1, 1)
        if not square or problem.inputs[0][1] < LANES:
            return False
        windows = sliding(problem)
        return bool(windows.row_count.min() > 0 and windows.column_count.min() > 0)  # none beside the image altogether

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        op: Any = self.problem.op
        top, _, left, _ = op.pads((x.h, x.w))
        parts = self.problem.threads if x.pixels * x.c >= POOL_SMALL else 1
        return self.by_size[op.kernel_size[0]].bind(
            parts, x.data, x.pixel_stride, x.h, x.w, top, left, *op.step, sliding(self.problem).scale,
            np.zeros(x.c, np.float32), y.data, y.pixel_stride, y.h, y.w, y.c, y.n * y.h,
        )  # fmt: skip


class SmallMax(_SmallWindows):
    """The largest value of each window."""

    op = "max_pool2d"
    by_size = MAX


class SmallMean(_SmallWindows):
    """The mean of each window."""

    op = "avg_pool2d"
    by_size = MEAN


KERNELS = (SmallMax, SmallMean)
