"""Images looked at where a grid of points says: point by point a mixture of pixels, all channels at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.pooling.resample import Taps, mix_rows
from tinyinfer.ops.pooling.grid_sample import FURTHEST, MODES, PADDING_MODES, GridSample
from tinyinfer.ops.pooling.interpolate import CUBIC_A

BILINEAR, NEAREST, BICUBIC = (MODES.index(mode) for mode in ("bilinear", "nearest", "bicubic"))
ZEROS, REFLECTION = (PADDING_MODES.index(mode) for mode in ("zeros", "reflection"))
MOST_TAPS, TABLES = 4, 2  # of a point along a dimension, and the dimensions


class Rule(NamedTuple):
    """What pixels are taken for a point: numbers of modes, how many of them a dimension, whether corners are centres."""

    mode: int
    padding: int
    taps: int
    align_corners: bool


class Grid(NamedTuple):
    """Points of ``down`` rows of ``across``: images whose channels are the rows, and whose pixels are (j, x or y)."""

    values: np.ndarray
    stride: int
    down: int
    across: int


class Size(NamedTuple):
    """Rows and columns of an image, and its channels."""

    h: int
    w: int
    c: int


@inline
def pixel_of(point, size, align_corners):
    """Where along a side of ``size`` pixels a point lies, the centre of the first one being 0."""
    one, two = np.float32(1), np.float32(2)
    if align_corners:
        at = (point + one) / two * np.float32(size - 1)
    else:
        at = ((point + one) * np.float32(size) - one) / two
    return min(max(np.float64(at), -FURTHEST), FURTHEST) if at == at else -FURTHEST


@inline
def weight_of(distance, mode):
    """What a pixel at some distance from a point weighs; Keys' cubic or a triangle."""
    d, a = abs(distance), CUBIC_A
    if mode == NEAREST:
        return 1.0
    if mode == BILINEAR:
        return 1.0 - d
    if d <= 1:
        return ((a + 2) * d - (a + 3)) * d * d + 1
    return (((d - 5) * d + 8) * d - 4) * a if d < 2 else 0.0


@inline
def reflected(index, size, align_corners):
    """A place mirrored at the centres of the outer pixels, or at their outer edges, until it is inside."""
    first = 0.0 if align_corners else -0.5
    length = size - 1 - 2 * first
    if length == 0:
        return 0.0
    turned = (index - first) % (2 * length)
    return first + (2 * length - turned if turned > length else turned)


@inline
def find_taps(point, size, rule, source, weight):
    """The pixels around a point along one dimension, and their weights."""
    at = pixel_of(point, size, rule.align_corners)
    first = np.rint(at) if rule.mode == NEAREST else np.floor(at) - (rule.taps // 2 - 1)
    for tap in range(rule.taps):
        index = first + tap
        inside = 0 <= index < size
        weight[tap] = weight_of(at - index, rule.mode) if inside or rule.padding != ZEROS else 0.0
        if rule.padding == REFLECTION:
            index = reflected(index, size, rule.align_corners)
        source[tap] = np.intp(min(max(index, 0.0), size - 1.0))


@task
def sample(part, parts, x: Rows, size: Size, grid: Grid, rule: Rule, y: Rows, count, sides, shares, source, weight):
    """``count`` points of the batch; each part has its own rows of the tables, in which one point's taps stand."""
    p0, p1 = own_range(part, count, parts)
    points, pixels = grid.down * grid.across, size.h * size.w
    rows, columns = sides[part, 0], sides[part, 1]
    row_shares, column_shares = shares[part, 0], shares[part, 1]
    taps = Taps(np.intp(source[part].ctypes.data), np.intp(weight[part].ctypes.data), (rule.taps * rule.taps + 1) // 2)
    for p in range(p0, p1):
        image, i, j = p // points, p % points // grid.across, p % grid.across
        at = (image * grid.across + j) * 2 * grid.stride + i
        find_taps(grid.values[at], size.w, rule, columns, column_shares)
        find_taps(grid.values[at + grid.stride], size.h, rule, rows, row_shares)
        for a in range(rule.taps):
            for b in range(rule.taps):
                source[part, a * rule.taps + b] = rows[a] * size.w + columns[b]
                weight[part, a * rule.taps + b] = row_shares[a] * column_shares[b]
        if rule.taps == 1:  # taps come in pairs
            source[part, 1], weight[part, 1] = source[part, 0], 0.5 * weight[part, 0]
            weight[part, 0] = weight[part, 1]
        mix_rows(x.at(image * pixels), taps, y.at(p), 1, size.c)


class GridSampleTaps(Kernel):
    """Images, in all modes."""

    op = "grid_sample"
    name = "taps"
    ranks = (4,)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x, points), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, GridSample)
        mode = MODES.index(op.mode)
        taps = {BILINEAR: 2, NEAREST: 1, BICUBIC: MOST_TAPS}[mode]
        rule = Rule(mode, PADDING_MODES.index(op.padding_mode), taps, bool(op.align_corners))
        grid = Grid(points.data, points.pixel_stride, points.c, points.h)
        parts = worthwhile(self.problem.threads, y.pixels * y.c)
        # integers, which no workspace holds; one run at a time has them, as it has the arena
        sides, shares = (np.empty((parts, TABLES, MOST_TAPS), dtype) for dtype in (np.int64, np.float64))
        source, weight = (np.empty((parts, MOST_TAPS**2), dtype) for dtype in (np.int64, np.float32))
        return sample.bind(
            parts, Rows.of(x), Size(x.h, x.w, x.c), grid, rule, Rows.of(y), y.pixels, sides, shares, source, weight
        )


KERNELS = (GridSampleTaps,)
