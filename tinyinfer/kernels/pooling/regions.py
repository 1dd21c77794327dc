"""Regions of images brought to one size: along each side the pixels of every cell and their shares, then the sums.

A mean over points between pixels is one along the rows of one along the columns, and neighbouring points share pixels:
so a cell has a few rows and columns, whose shares are multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.parallel.parts import own_memory, own_range
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.ops.pooling.roi_align import MOST_POINTS, RoiAlign

REGISTERS = 4  # of channels that are summed up at a time
MOST_SAMPLES = 64  # points along a side of a cell, where the operator says how many there are


@struct
class Shares(NamedTuple):
    """Pixels along one side by their numbers in 32 bits, and the share of a mean that each has."""

    source: Address
    weight: Address
    count: int


@vector_function(x=Rows, row="int", down=Shares, across=Shares, y="address", channels="int")
def mean_of_pixels(v, x, row, down, across, y, channels):
    """The sum of pixels where some rows and columns of an image cross, each times both shares; a row has ``row``."""

    def total(load, at, registers):
        sums = [v.variable(v.constant(0)) for _ in range(registers)]
        with v.loop(down.count) as i:
            first, share = v.load_int32(down.source, i) * row, v.load_broadcast(down.weight, i)
            with v.loop(across.count) as j:
                pixel = x.at(first + v.load_int32(across.source, j)).address
                weight = v.mul(share, v.load_broadcast(across.weight, j))
                for register, own in enumerate(sums):
                    own.set(v.fma(load(pixel, at + register * LANES), weight, own.get()))
        return [own.get() for own in sums]

    whole, step = channels // LANES * LANES, REGISTERS * LANES
    most = whole // step * step
    with v.loop(most, step) as at:
        for register, value in enumerate(total(v.load, at, REGISTERS)):
            v.store(value, y, at + register * LANES)
    with v.loop((whole - most) // LANES) as rest:
        at = most + rest * LANES
        v.store(total(v.load, at, 1)[0], y, at)
    with v.when(channels != whole):
        mask = v.mask(channels - whole)
        (value,) = total(lambda address, offset: v.load_masked(address, offset, mask), whole, 1)
        v.store_masked(value, y, whole, mask)


class Boxes(NamedTuple):
    """The image's number and two corners of each region, a row each."""

    values: np.ndarray
    stride: int
    number: int


class Sampling(NamedTuple):
    """How a region becomes pixels of an image, and points of its cells: ``points`` along a side, or 0 for enough."""

    scale: float
    shift: float
    aligned: bool
    points: int


class Sides(NamedTuple):
    """Images, the height and width of each, cells down and across, and most pixels that a cell can have along them."""

    images: int
    h: int
    w: int
    cells_down: int
    cells_across: int
    most_down: int
    most_across: int


@inline
def shares_along(first, last, size, cells, most, sampling, source, weight, counts):
    """Pixels and shares of each cell along one side, ``most`` apart; returns whether its points can be counted."""
    start = np.float64(first) * sampling.scale - sampling.shift
    extent = np.float64(last) * sampling.scale - sampling.shift - start
    if not sampling.aligned:
        extent = max(extent, 1.0)
    wanted = np.float64(sampling.points) if sampling.points > 0 else np.ceil(extent / cells)
    if not wanted <= MOST_POINTS:
        return False
    points = max(int(wanted), 0)
    for cell in range(cells):
        count = 0
        for point in range(points):
            at = start + (cell + (point + 0.5) / points) * (extent / cells)
            if at >= -1 and at <= size:
                at = min(max(at, 0.0), size - 1.0)
                low = int(at)
                count = _add(low, (low + 1 - at) / points, cell * most, count, source, weight)
                count = _add(min(low + 1, size - 1), (at - low) / points, cell * most, count, source, weight)
        counts[cell] = count
    return True


@inline
def _add(pixel, share, first, count, source, weight):
    """Add to the share of a pixel, which may be one of the last two; returns how many pixels there are."""
    for i in range(max(count - 2, 0), count):
        if source[first + i] == pixel:
            weight[first + i] += np.float32(share)
            return count
    source[first + count], weight[first + count] = pixel, np.float32(share)
    return count + 1


@task
def align(part, parts, x: Rows, boxes: Boxes, sides: Sides, sampling: Sampling, y: Rows, c, tables, refused):
    """The cells of all regions; refused[part] becomes 1 where a box is of no image, or has points without end."""
    own, (r0, r1) = own_memory(part, tables, parts), own_range(part, boxes.number, parts)
    _, h, w, down, across, most_down, most_across = sides
    room = down * most_down + across * most_across
    weight, source, counts = own[:room], own[room : 2 * room].view(np.int32), own[2 * room :].view(np.int32)
    columns = down * most_down
    for region in range(r0, r1):
        at = region * boxes.stride
        image = boxes.values[at]
        known = image >= 0 and image < sides.images
        known = known and shares_along(
            boxes.values[at + 2], boxes.values[at + 4], h, down, most_down, sampling, source, weight, counts
        )
        known = known and shares_along(
            boxes.values[at + 1], boxes.values[at + 3], w, across, most_across, sampling, source[columns:],
            weight[columns:], counts[down:],
        )  # fmt: skip
        if not known:
            refused[part] = 1
            continue
        pixels, sources, weights = x.at(int(image) * h * w), source.ctypes.data, weight.ctypes.data
        for i in range(down):
            rows = Shares(sources + i * most_down * 4, weights + i * most_down * 4, counts[i])
            for j in range(across):
                first = (columns + j * most_across) * 4
                crossing = Shares(sources + first, weights + first, counts[down + j])
                mean_of_pixels(pixels, w, rows, crossing, y.at((region * down + i) * across + j).address, c)


class RoiAlignShares(Kernel):
    """Means, of any number of points."""

    op = "roi_align"
    name = "shares"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        op = problem.op
        assert isinstance(op, RoiAlign)
        n, _, h, w = problem.inputs[0]
        most = (2 * op.sampling_ratio,) * 2 if op.sampling_ratio > 0 else (h, w)
        self.sides = Sides(n, h, w, *op.output_size, *most)
        room = op.output_size[0] * most[0] + op.output_size[1] * most[1]
        self.workspace_floats = problem.threads * (2 * room + sum(op.output_size))

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, RoiAlign)
        return op.mode == "avg" and op.sampling_ratio <= MOST_SAMPLES and problem.inputs[1][0] > 0

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x, boxes), (y,), op, threads = inputs, outputs, self.problem.op, self.problem.threads
        assert isinstance(op, RoiAlign)
        refused = np.zeros(threads, np.int64)
        sampling = Sampling(op.spatial_scale, 0.5 if op.aligned else 0.0, op.aligned, max(op.sampling_ratio, 0))
        aligned = align.bind(
            threads, Rows.of(x), Boxes(boxes.data, boxes.pixel_stride, boxes.n), self.sides, sampling, Rows.of(y), x.c,
            workspace[: self.workspace_floats], refused,
        )  # fmt: skip

        def check() -> None:
            if refused.any():
                refused[:] = 0
                x_shape, box_shape = self.problem.inputs
                op.reference([x.logical(x_shape), boxes.logical(box_shape)], {})  # which says what is wrong

        return in_turn([aligned, check])


KERNELS = (RoiAlignShares,)
