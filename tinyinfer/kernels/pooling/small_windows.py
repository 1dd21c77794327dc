"""Pooling with small windows: each value of a window is loaded by an instruction of its own.

For a maximum, rows and columns beside the image are replaced by the nearest ones inside, which the window sees anyhow,
and a maximum does not change where a value is seen twice; for a mean, by a line of zeros.  So there is no loop over a
window, and no branch at the border.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, Image, Rows
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_range
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.pooling.windows import POOL_SMALL, sliding
from tinyinfer.ops.pooling.pooling import WindowPool

SIZES = (2, 3)  # of windows
NAN = float("nan")


class RowOfWindows(NamedTuple):
    """Windows side by side on an image of h x w: row and column of the first one's corner, and their distance."""

    h: int
    w: int
    row: int
    column: int
    stride: int


_ROW = {
    "x": Image, "windows": RowOfWindows, "scale": "address", "zeros": "address", "y": Rows, "outputs": "int",
    "channels": "int",
}  # fmt: skip


def make_max_row(size: int) -> Any:
    """A row of largest values, NaN where one is in a window; the last register of channels overlaps the one before."""

    @vector_function(**_ROW)
    def row(v, x, windows, scale, zeros, y, outputs, channels):
        def inside(at, count):
            at = v.select(at < 0, 0, at)
            return v.select(at < count, at, count - 1)

        lines = [x.address + inside(windows.row + i, windows.h) * (x.row * 4) for i in range(size)]
        with v.loop(outputs) as ox:
            column = windows.column + ox * windows.stride
            columns = [inside(column + j, windows.w) * x.pixel for j in range(size)]
            with v.loop(channels, LANES) as block:
                first = v.select(block < channels - LANES, block, channels - LANES)
                values = [v.load(line, column + first) for line in lines for column in columns]
                pairs = zip(values[::2], [*values[1::2], values[-1]], strict=False)
                poisoned = functools.reduce(v.union, [v.unordered(a, b) for a, b in pairs])
                largest = functools.reduce(v.max, values)
                v.store(v.where(poisoned, v.constant(NAN), largest), y.address, ox * y.stride + first)

    return row


def make_mean_row(size: int) -> Any:
    """A row of sums times the ``scale`` of each output, which counts what its window sees."""

    @vector_function(**_ROW)
    def row(v, x, windows, scale, zeros, y, outputs, channels):
        def unless_beside(address, at, count):
            return v.select(at < 0, zeros, v.select(at < count, address, zeros))

        with v.loop(outputs) as ox:
            factor, places = v.load_broadcast(scale, ox), []
            for i in range(size):
                for j in range(size):
                    line, column = windows.row + i, windows.column + ox * windows.stride + j
                    place = unless_beside(x.at(line, column).address, column, windows.w)
                    places.append(unless_beside(place, line, windows.h))
            with v.loop(channels, LANES) as block:
                first = v.select(block < channels - LANES, block, channels - LANES)
                values = [v.load(place, first) for place in places]
                lines = [functools.reduce(v.add, values[i : i + size]) for i in range(0, len(values), size)]
                v.store(v.mul(functools.reduce(v.add, lines), factor), y.address, ox * y.stride + first)

    return row


def make_pool(row: Any) -> Task:
    """Row by row; ``scale`` has a factor for each output of an image, ``zeros`` one for each channel."""

    @task
    def pool(part, parts, x: Rows, c, geometry: Geometry, scale: Address, zeros: Address, y: Rows, rows):
        h, w, out_h, out_w, _, _, stride_h, stride_w, top, left, _, _ = geometry
        p0, p1 = own_range(part, rows, parts)
        for p in range(p0, p1):
            image, oy = p // out_h, p % out_h
            row(
                Image(x.at(image * h * w).address, w * x.stride, x.stride),
                RowOfWindows(h, w, oy * stride_h - top, -left, stride_w), scale + oy * out_w * 4, zeros,
                y.at(p * out_w), out_w, c,
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
        return sliding(problem).all_see_pixels

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        op: Any = self.problem.op
        top, _, left, _ = op.pads((x.h, x.w))
        parts = self.problem.threads if x.pixels * x.c >= POOL_SMALL else 1
        geometry = Geometry(x.h, x.w, y.h, y.w, *op.kernel_size, *op.step, top, left, *op.dilation)
        scale, zeros = Address.of(sliding(self.problem).scale), Address.of(np.zeros(x.c, np.float32))
        pool = self.by_size[op.kernel_size[0]]
        return pool.bind(parts, Rows.of(x), x.c, geometry, scale, zeros, Rows.of(y), y.n * y.h)


class SmallMax(_SmallWindows):
    """The largest value of each window."""

    op = "max_pool2d"
    by_size = MAX


class SmallMean(_SmallWindows):
    """The mean of each window."""

    op = "avg_pool2d"
    by_size = MEAN


KERNELS = (SmallMax, SmallMean)
