"""Pooling of every kind: windows of pixels, of which tables tell (`windows`), reduced to their maximum or mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, Image, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import Pieces, own_channels, own_memory, own_range, pieces_of
from tinyinfer.kernels.parallel.task import Task, in_turn, task
from tinyinfer.kernels.pooling.windows import POOL_SMALL, Windows, adaptive, sliding, window_of
from tinyinfer.ops.arithmetic.reduction import Mean
from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d, AdaptivePool2d

SUMMED_BY_ROWS = 8192  # floats of an image from which on it pays that all threads add it up
WIDE = 4  # registers reduced side by side: one alone waits for each addition to end


def reduce_to_sum(v: Any, rows: Any, columns: Any, load: Callable[[Any, Any], Any]) -> Any:
    """Sum of a window, line by line: sums of sums lose fewer digits."""
    total = v.variable(v.constant(0))
    with v.loop(rows) as row:
        line = v.variable(v.constant(0))
        with v.loop(columns) as column:
            line.set(v.add(line.get(), load(row, column)))
        total.set(v.add(total.get(), line.get()))
    return total.get()


def reduce_to_maximum(v: Any, rows: Any, columns: Any, load: Callable[[Any, Any], Any]) -> Any:
    """Maximum of a window, NaN where one is in it."""
    largest, poison = v.variable(v.constant(float("-inf"))), v.variable(v.constant(0))
    with v.loop(rows) as row, v.loop(columns) as column:
        value = load(row, column)
        largest.set(v.max(largest.get(), value))
        poison.set(v.where(v.is_nan(value), value, poison.get()))
    return v.add(largest.get(), poison.get())


def make_window(reduce: Callable[..., Any]) -> Any:
    """One output pixel: the window of ``rows`` x ``columns`` that begins at x, reduced and scaled."""

    @vector_function(x=Image, rows="int", columns="int", scale="float", y="address", channels="int")
    def window(v, x, rows, columns, scale, y, channels):
        factor, wide, blocks = v.broadcast(scale), v.registers(WIDE), channels // LANES
        groups, end = blocks // WIDE, blocks * LANES

        def place(row, column, at):
            return row * x.row + column * x.pixel + at

        with v.loop(groups) as group:
            at = group * (WIDE * LANES)
            y_group = reduce(wide, rows, columns, lambda *pixel: wide.load(x.address, place(*pixel, at)))
            wide.store(wide.mul(y_group, wide.broadcast(scale)), y, at)
        with v.loop(blocks - groups * WIDE) as block:
            at = (groups * WIDE + block) * LANES
            y_block = reduce(v, rows, columns, lambda *pixel: v.load(x.address, place(*pixel, at)))
            v.store(v.mul(y_block, factor), y, at)
        with v.when(channels != end):
            mask = v.mask(channels - end)
            y_rest = reduce(v, rows, columns, lambda *pixel: v.load_masked(x.address, place(*pixel, end), mask))
            v.store_masked(v.mul(y_rest, factor), y, end, mask)

    return window


def make_pool(reduce: Callable[..., Any]) -> Task:
    """Every window reduced and scaled."""
    window = make_window(reduce)

    @task
    def pool(part, parts, x: Rows, windows: Windows, y: Rows, c, pieces: Pieces):
        w = windows.w
        p0, p1, first, channels = own_channels(part, parts, c, pieces)
        for p in range(p0, p1):
            image, row, column, rows, columns, at = window_of(windows, p)
            start = x.at((image * windows.h + row) * w + column, first).address
            pixels = Image(start, windows.dilation_h * w * x.stride, windows.dilation_w * x.stride)
            window(pixels, rows, columns, windows.scale[at], y.at(p, first).address, channels)

    return pool


max_pool, mean_pool = make_pool(reduce_to_maximum), make_pool(reduce_to_sum)
mean_window = make_window(reduce_to_sum)


@task
def sum_rows(part, parts, x: Rows, h, w, c, sums):
    """The sum of an image in parts: each thread adds up the rows it has written."""
    p0, p1 = own_range(part, h, parts)
    rows = Image(x.at(p0 * w).address, w * x.stride, x.stride)
    mean_window(rows, p1 - p0, w, np.float32(1), own_memory(part, sums, parts).ctypes.data, c)


@task
def scale_sums(part, parts, sums, count, scale, y: Address, c):
    """The scaled sum of what `sum_rows` gives in ``count`` parts."""
    mean_window(Image(sums.ctypes.data, sums.size // count, 0), count, 1, scale, y, c)


class _Pool(Kernel):
    """What the pools share: any size, any channels."""

    largest: bool

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, threads = inputs[0], outputs[0], self.problem.threads
        windows = adaptive(self.problem) if isinstance(self.problem.op, AdaptivePool2d) else sliding(self.problem)
        pieces, parts = pieces_of(y.pixels, y.c, threads if x.pixels * x.c >= POOL_SMALL else 1)
        pool = max_pool if self.largest else mean_pool
        return pool.bind(parts, Rows.of(x), windows, Rows.of(y), y.c, pieces)


class MaxPool(_Pool):
    """Sliding windows."""

    op, name, largest = "max_pool2d", "windows", True


class AvgPool(_Pool):
    """Sliding windows."""

    op, name, largest = "avg_pool2d", "windows", False


class AdaptiveAvgPool(_Pool):
    """Bins; one bin is global pooling."""

    op, name, largest = "adaptive_avg_pool2d", "windows", False

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        n, c, h, w = problem.inputs[0]
        one = n * math.prod(problem.outputs[0][2:]) == 1
        self.by_rows = one and problem.threads > 1 and c * h * w >= SUMMED_BY_ROWS and h >= problem.threads
        self.workspace_floats = problem.threads * -(-c // LANES) * LANES if self.by_rows else 0

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        if not self.by_rows:
            return super().bind(inputs, outputs, workspace)
        (x,), (y,), threads = inputs, outputs, self.problem.threads
        add = sum_rows.bind(threads, Rows.of(x), x.h, x.w, x.c, workspace)
        share = np.float32(1 / (x.h * x.w))
        return in_turn([add, scale_sums.bind(1, workspace, threads, share, Address.of(y.data), x.c)])


class MeanOverImage(AdaptiveAvgPool):
    """The mean over height and width, which is global pooling with or without the dimensions it leaves."""

    op, name = "mean", "windows"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Mean)
        return len(problem.inputs[0]) == 4 and set(problem.op.axes(4)) == {2, 3}

    def __init__(self, problem: Problem, packed: Any) -> None:
        one = ((*problem.inputs[0][:2], 1, 1),)
        super().__init__(replace(problem, op=AdaptiveAvgPool2d(1), outputs=one), packed)


class AdaptiveMaxPool(_Pool):
    """Bins; one bin is global pooling."""

    op, name, largest = "adaptive_max_pool2d", "windows", True


KERNELS = (MaxPool, AvgPool, AdaptiveAvgPool, MeanOverImage, AdaptiveMaxPool)
