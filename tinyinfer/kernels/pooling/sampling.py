"""Images looked at where a grid of points says: places and weights of LANES points at once, then point by point pixels.

All modes are mixtures of pixels, as resizing is, whose tables here come from the grid and are made anew at every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.pooling.mixing import Taps, mix_rows
from tinyinfer.ops.pooling.grid_sample import FURTHEST, PADDING_MODES, GridSample
from tinyinfer.ops.pooling.interpolate import CUBIC_A

ZEROS, REFLECTION = (PADDING_MODES.index(mode) for mode in ("zeros", "reflection"))
MOST_PIXELS = 2**24  # of an image, whose numbers are floats on the way to the tables


class Grid(NamedTuple):
    """Points of images of ``down`` x ``across``: the columns are pixels, which have the rows for their channels.

    y coordinates lie ``next`` floats behind x; ``lanes`` has the places of as many points as fill a register.
    """

    points: Address
    next: int
    lanes: Address
    down: int
    across: int

    @classmethod
    def of(cls, grid: FeatureMap) -> Grid:
        """The grid of a whole batch."""
        lanes = np.arange(LANES, dtype=np.int32) * 2 * grid.pixel_stride
        return cls(Address.of(grid.data), grid.pixel_stride, Address.of(lanes), grid.c, grid.h)


@struct
class Side(NamedTuple):
    """Height or width of an image, and where a point p lies in it: at (p + 1) * ``scale`` + ``shift``.

    Reflections begin at ``first``, and the image's own pixels end ``length`` behind it.
    """

    size: float
    scale: float
    shift: float
    first: float
    length: float

    @classmethod
    def of(cls, size: int, align_corners: bool) -> Side:
        """That of so many pixels, corners being their outer edges or their centres."""
        numbers = (size, (size - 1) / 2, 0, 0, size - 1) if align_corners else (size, size / 2, -0.5, -0.5, size)
        return cls(*map(np.float32, numbers))


@struct
class Sides(NamedTuple):
    """Height and width of an image, and the number of what is seen beside it, one of the padding modes."""

    rows: Side
    columns: Side
    padding: int


def nearest(v: Any, at: Any) -> list[tuple[Any, Any]]:
    """The pixel of a point."""
    return [(v.round(at), v.constant(1))]


def bilinear(v: Any, at: Any) -> list[tuple[Any, Any]]:
    """The two pixels around a point along one dimension, and their weights."""
    low = v.floor(at)
    share = v.sub(at, low)
    return [(low, v.sub(v.constant(1), share)), (v.add(low, v.constant(1)), share)]


def bicubic(v: Any, at: Any) -> list[tuple[Any, Any]]:
    """The four pixels around a point, by Keys' cubic as `ops.pooling.interpolate.cubic` has it."""
    low, a = v.floor(at), CUBIC_A
    share = v.sub(at, low)

    def polynomial(d: Any, *terms: float) -> Any:
        total = v.constant(terms[0])
        for term in terms[1:]:
            total = v.fma(total, d, v.constant(term))
        return total

    def weight(step: int) -> Any:
        d = v.abs(v.sub(share, v.constant(step)))
        near, far = (a + 2, -(a + 3), 0, 1), (a, -5 * a, 8 * a, -4 * a)
        return polynomial(d, *(near if step in (0, 1) else far))

    return [(v.add(low, v.constant(step)), weight(step)) for step in (-1, 0, 1, 2)]


def taps_along(v: Any, find: Callable[..., Any], points: Any, side: Any, padding: Any) -> list[tuple[Any, Any]]:
    """Along one dimension the pixels of points, and their weights."""
    size, zero = v.broadcast(side.size), v.constant(0)
    at = v.fma(v.add(points, v.constant(1)), v.broadcast(side.scale), v.broadcast(side.shift))
    at = v.where(v.is_nan(at), v.constant(-FURTHEST), v.clip(at, v.constant(-FURTHEST), v.constant(FURTHEST)))
    found = []
    for index, weight in find(v, at):
        inside = v.intersection(v.compare(">=", index, zero), v.compare("<", index, size))
        weight = v.where(padding == ZEROS, v.where(inside, weight, zero), weight)
        index = v.where(padding == REFLECTION, reflected(v, index, side), index)
        last = v.sub(size, v.constant(1))
        found.append((v.min(v.max(zero, index), last), weight))
    return found


def reflected(v: Any, index: Any, side: Any) -> Any:
    """Places mirrored at both ends of the image until they are inside."""
    first, length = v.broadcast(side.first), v.broadcast(side.length)
    both, whole = v.add(length, length), v.sub(index, first)
    turned = v.fma(v.floor(v.div(whole, both)), v.sub(v.constant(0), both), whole)
    return v.add(first, v.where(v.above(turned, length), v.sub(both, turned), turned))


def make_sampling(find: Callable[..., Any], taps: int) -> Task:
    """Points of a mode that takes ``taps`` pixels along each dimension."""
    number = max(2, taps * taps)

    @vector_function(
        points="address", lanes="address", next="int", count="int", sides=Sides, source="address", weight="address"
    )
    def tabulate(v, points, lanes, next, count, sides, source, weight):
        """Sources and weights of up to LANES points, whose y coordinates lie ``next`` floats behind the x."""
        mask, offsets = v.mask(count), v.load_ints(lanes)
        across = taps_along(v, find, v.gather(points, offsets, mask), sides.columns, sides.padding)
        down = taps_along(v, find, v.gather(points + next * 4, offsets, mask), sides.rows, sides.padding)
        width = v.broadcast(sides.columns.size)
        sources = [v.fma(row, width, column) for row, _ in down for column, _ in across]
        weights = [v.mul(a, b) for _, a in down for _, b in across]
        if taps == 1:  # two halves, as pixels are mixed in pairs
            sources, weights = sources * 2, [v.mul(weights[0], v.constant(0.5))] * 2
        for i, (place, share) in enumerate(zip(v.interleave(sources), v.interleave(weights), strict=True)):
            v.store_numbers("int32", place, source, i * LANES)
            v.store(share, weight, i * LANES)

    @task
    def sample(part, parts, x: Rows, pixels, grid: Grid, sides: Sides, y: Rows, c, lines, workspace):
        """``lines`` rows of points, on images of so many pixels."""
        memory, (l0, l1) = own_memory(part, workspace, parts), own_range(part, lines, parts)
        source = np.intp(memory.ctypes.data)
        taps = Taps(source, source + LANES * number * 4, number // 2)
        for line in range(l0, l1):
            image, i = line // grid.down, line % grid.down
            for j in range(0, grid.across, LANES):
                count = min(LANES, grid.across - j)
                place = grid.points + ((image * grid.across + j) * 2 * grid.next + i) * 4
                tabulate(place, grid.lanes, grid.next, count, sides, taps.source, taps.weight)
                mix_rows(x.at(image * pixels), taps, y.at(line * grid.across + j), count, c)

    return sample


TAPS = {"nearest": 1, "bilinear": 2, "bicubic": 4}
SAMPLINGS = {find.__name__: make_sampling(find, TAPS[find.__name__]) for find in (nearest, bilinear, bicubic)}


class GridSampleTaps(Kernel):
    """Images, in all modes."""

    op = "grid_sample"
    name = "taps"
    ranks = (4,)

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        assert isinstance(problem.op, GridSample)
        self.threads = worthwhile(problem.threads, int(np.prod(problem.outputs[0])))
        self.workspace_floats = self.threads * LANES * 2 * max(2, TAPS[problem.op.mode] ** 2)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        _, _, h, w = problem.inputs[0]
        return h * w <= MOST_PIXELS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x, grid), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, GridSample)
        rows, columns = (Side.of(size, op.align_corners) for size in (x.h, x.w))
        sides = Sides(rows, columns, PADDING_MODES.index(op.padding_mode))
        return SAMPLINGS[op.mode].bind(
            self.threads, Rows.of(x), x.h * x.w, Grid.of(grid), sides, Rows.of(y), x.c, y.n * y.h, workspace
        )  # fmt: skip


KERNELS = (GridSampleTaps,)
