"""Resizing: each output row is a mixture of input rows, each output pixel a mixture of that row's pixels.

Which pixels are mixed and by what weights are tables settled at planning time, the reference's own.  The mixed row
stays in L1 between the two steps; nearest neighbours are copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.memory import copy_rows
from tinyinfer.kernels.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
from tinyinfer.ops.interpolate import Interpolate


@vector_function(
    a="address", b="address", weight_a="float", weight_b="float", x_row="int", y="address", y_row="int",
    rows="int", count="int",
)  # fmt: skip
def mix_2(v, a, b, weight_a, weight_b, x_row, y, y_row, rows, count):
    """y = a * weight_a + b * weight_b over rows of ``count`` floats."""
    wa, wb = v.broadcast(weight_a), v.broadcast(weight_b)
    end = count // LANES * LANES
    with v.loop(rows) as row:

        def mixed(load, at, row=row):
            return v.fma(load(a, row * x_row + at), wa, v.mul(load(b, row * x_row + at), wb))

        with v.loop(end, LANES) as k:
            v.store(mixed(v.load, k), y, row * y_row + k)
        with v.when(count != end):
            mask = v.mask(count - end)
            tail = mixed(lambda address, at, mask=mask: v.load_masked(address, at, mask), end)
            v.store_masked(tail, y, row * y_row + end, mask)


@vector_function(
    a="address", b="address", weight_a="float", weight_b="float", x_row="int", y="address", y_row="int",
    rows="int", count="int",
)  # fmt: skip
def add_2(v, a, b, weight_a, weight_b, x_row, y, y_row, rows, count):
    """y += a * weight_a + b * weight_b over rows of ``count`` floats."""
    wa, wb = v.broadcast(weight_a), v.broadcast(weight_b)
    end = count // LANES * LANES
    with v.loop(rows) as row:

        def mixed(load, at, row=row):
            sums = v.fma(load(b, row * x_row + at), wb, load(y, row * y_row + at))
            return v.fma(load(a, row * x_row + at), wa, sums)

        with v.loop(end, LANES) as k:
            v.store(mixed(v.load, k), y, row * y_row + k)
        with v.when(count != end):
            mask = v.mask(count - end)
            tail = mixed(lambda address, at, mask=mask: v.load_masked(address, at, mask), end)
            v.store_masked(tail, y, row * y_row + end, mask)


@task
def resize(part, parts, x, x_stride, c, h, w, rows, row_weights, columns, column_weights, y, y_stride, count, scratch):
    """``count`` output rows of the batch; a part's ``line`` holds one mixed row [w, c]; taps come in pairs."""
    line, (p0, p1) = own_memory(part, scratch, parts), own_range(part, count, parts)
    out_h, out_w = len(rows), len(columns)
    whole = x_stride == c  # a row of pixels is one run of floats
    runs, run = (1, w * c) if whole else (w, c)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        for t in range(0, rows.shape[1], 2):
            a = x.ctypes.data + (image * h + rows[oy, t]) * w * x_stride * 4
            b = x.ctypes.data + (image * h + rows[oy, t + 1]) * w * x_stride * 4
            if t == 0:
                mix_2(a, b, row_weights[oy, t], row_weights[oy, t + 1], x_stride, line.ctypes.data, c, runs, run)
            else:
                add_2(a, b, row_weights[oy, t], row_weights[oy, t + 1], x_stride, line.ctypes.data, c, runs, run)
        for ox in range(out_w):
            to = y.ctypes.data + (p * out_w + ox) * y_stride * 4
            for t in range(0, columns.shape[1], 2):
                a = line.ctypes.data + columns[ox, t] * c * 4
                b = line.ctypes.data + columns[ox, t + 1] * c * 4
                if t == 0:
                    mix_2(a, b, column_weights[ox, t], column_weights[ox, t + 1], 0, to, 0, 1, c)
                else:
                    add_2(a, b, column_weights[ox, t], column_weights[ox, t + 1], 0, to, 0, 1, c)


@task
def nearest(part, parts, x, x_stride, c, h, w, rows, columns, y, y_stride, count):
    """``count`` output rows of the batch; a row like the one above it is copied from there."""
    p0, p1 = own_range(part, count, parts)
    out_h, out_w = len(rows), len(columns)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        to = y.ctypes.data + p * out_w * y_stride * 4
        if p > p0 and oy > 0 and rows[oy, 0] == rows[oy - 1, 0]:
            above = to - out_w * y_stride * 4
            if y_stride == c:
                copy_rows(above, 0, to, 0, 1, out_w * c)
            else:
                copy_rows(above, y_stride, to, y_stride, out_w, c)
            continue
        source = x.ctypes.data + (image * h + rows[oy, 0]) * w * x_stride * 4
        for ox in range(out_w):
            copy_rows(source + columns[ox, 0] * x_stride * 4, 0, to + ox * y_stride * 4, 0, 1, c)


class _Resize(Kernel):
    """What the modes share: tables of the reference, and the threads they are worth."""

    op = "interpolate"

    def tables(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Sources and weights of the output's rows (``i`` 0) or columns (1)."""
        assert isinstance(self.problem.op, Interpolate)
        taps = self.problem.op.taps(i, self.problem.inputs[0][2 + i], self.problem.outputs[0][2 + i])
        return taps.source, taps.weight.astype(np.float32)

    def threads(self) -> int:
        """1 where a second thread would cost more than it saves."""
        return worthwhile(self.problem.threads, int(np.prod(self.problem.outputs[0])))


class Nearest(_Resize):
    """Copies of pixels."""

    name = "nearest"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Interpolate)
        return problem.op.mode.startswith("nearest")

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (rows, _), (columns, _) = self.tables(0), self.tables(1)
        return nearest.bind(
            self.threads(), x.data, x.pixel_stride, x.c, x.h, x.w, rows, columns, y.data, y.pixel_stride, y.n * y.h
        )


class Separable(_Resize):
    """Two or four taps down, then as many across."""

    name = "separable"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        _, c, _, w = problem.inputs[0]
        self.scratch_floats = w * c * self.threads()

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Interpolate)
        return problem.op.mode in ("bilinear", "bicubic")

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        return resize.bind(
            self.threads(), x.data, x.pixel_stride, x.c, x.h, x.w, *self.tables(0), *self.tables(1),
            y.data, y.pixel_stride, y.n * y.h, scratch,
        )  # fmt: skip


KERNELS = (Nearest, Separable)
