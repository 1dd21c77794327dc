"""Resizing: each output row is a mixture of input rows, each output pixel a mixture of that row's pixels.

Which pixels are mixed and by what weights are tables settled at planning time, the reference's own.  The mixed row
stays in L1 between the two steps; nearest neighbours are copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.memory import copy_rows
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.pooling.interpolate import Interpolate


class Taps(NamedTuple):
    """For each row, or column, of the output the inputs it is a mixture of and their weights: (outputs, taps)."""

    source: np.ndarray
    weight: np.ndarray


class Size(NamedTuple):
    """Rows and columns of an image, and its channels."""

    h: int
    w: int
    c: int


def make_mix(onto: bool) -> Any:
    """The mixture of two matrices, stored or added to what is there."""

    @vector_function(a=Rows, b=Rows, weight_a="float", weight_b="float", y=Rows, rows="int", count="int")
    def mix(v, a, b, weight_a, weight_b, y, rows, count):
        """y = a * weight_a + b * weight_b over rows of ``count`` floats."""
        wa, wb = v.broadcast(weight_a), v.broadcast(weight_b)
        end = count // LANES * LANES
        with v.loop(rows) as row:

            def mixed(load, at, row=row):
                second = load(b.address, row * b.stride + at)
                to = row * y.stride + at
                total = v.fma(second, wb, load(y.address, to)) if onto else v.mul(second, wb)
                return v.fma(load(a.address, row * a.stride + at), wa, total)

            with v.loop(end, LANES) as k:
                v.store(mixed(v.load, k), y.address, row * y.stride + k)
            with v.when(count != end):
                mask = v.mask(count - end)
                tail = mixed(lambda address, at, mask=mask: v.load_masked(address, at, mask), end)
                v.store_masked(tail, y.address, row * y.stride + end, mask)

    return mix


mix, mix_onto = make_mix(onto=False), make_mix(onto=True)


@task
def resize(part, parts, x: Rows, size: Size, down: Taps, across: Taps, y: Rows, count, workspace):
    """``count`` output rows of the batch; a part's ``line`` holds one mixed row [w, c]; taps come in pairs."""
    (p0, p1), (h, w, c) = own_range(part, count, parts), size
    line = Rows(np.intp(own_memory(part, workspace, parts).ctypes.data), c)
    out_h, out_w = len(down.source), len(across.source)
    whole = x.stride == c  # a row of pixels is one run of floats
    runs, run = (1, w * c) if whole else (w, c)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        for t in range(0, down.source.shape[1], 2):
            a, b = x.at((image * h + down.source[oy, t]) * w), x.at((image * h + down.source[oy, t + 1]) * w)
            if t == 0:
                mix(a, b, down.weight[oy, t], down.weight[oy, t + 1], line, runs, run)
            else:
                mix_onto(a, b, down.weight[oy, t], down.weight[oy, t + 1], line, runs, run)
        for ox in range(out_w):
            to = y.at(p * out_w + ox)
            for t in range(0, across.source.shape[1], 2):
                a, b = line.at(across.source[ox, t]), line.at(across.source[ox, t + 1])
                if t == 0:
                    mix(a, b, across.weight[ox, t], across.weight[ox, t + 1], to, 1, c)
                else:
                    mix_onto(a, b, across.weight[ox, t], across.weight[ox, t + 1], to, 1, c)


@task
def nearest(part, parts, x: Rows, size: Size, rows, columns, y: Rows, count):
    """``count`` output rows of the batch; a row like the one above it is copied from there."""
    (p0, p1), (h, w, c) = own_range(part, count, parts), size
    out_h, out_w = len(rows), len(columns)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        to = y.at(p * out_w)
        if p > p0 and oy > 0 and rows[oy, 0] == rows[oy - 1, 0]:
            above = y.at((p - 1) * out_w)
            if y.stride == c:
                copy_rows(above.address, 0, to.address, 0, 1, out_w * c)
            else:
                copy_rows(above.address, above.stride, to.address, to.stride, out_w, c)
            continue
        source = x.at((image * h + rows[oy, 0]) * w)
        for ox in range(out_w):
            copy_rows(source.at(columns[ox, 0]).address, 0, to.at(ox).address, 0, 1, c)


class _Resize(Kernel):
    """What the modes share: tables of the reference, and the threads they are worth."""

    op = "interpolate"

    def taps(self, i: int) -> Taps:
        """Those of the output's rows (``i`` 0) or columns (1)."""
        assert isinstance(self.problem.op, Interpolate)
        taps = self.problem.op.taps(i, self.problem.inputs[0][2 + i], self.problem.outputs[0][2 + i])
        return Taps(taps.source, taps.weight.astype(np.float32))

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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        rows, columns = (self.taps(i).source for i in range(2))
        size = Size(x.h, x.w, x.c)
        return nearest.bind(self.threads(), Rows.of(x), size, rows, columns, Rows.of(y), y.n * y.h)


class Separable(_Resize):
    """Two or four taps down, then as many across."""

    name = "separable"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        _, c, _, w = problem.inputs[0]
        self.workspace_floats = w * c * self.threads()

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Interpolate)
        return problem.op.mode in ("bilinear", "bicubic")

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        size = Size(x.h, x.w, x.c)
        return resize.bind(
            self.threads(), Rows.of(x), size, self.taps(0), self.taps(1), Rows.of(y), y.n * y.h, workspace
        )


KERNELS = (Nearest, Separable)
