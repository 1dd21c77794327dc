"""Shifts: a vector of channels is put together from the lanes of all pixels that its channels come from.

Neighbouring channels move in different directions, 16 of them in nine or more.  Short moves are a depthwise convolution
whose product is a bitwise "and", whose sum is an "or" and whose taps are masks, so that its strips serve, which load
every pixel once.  In general there is one load for each displacement among the channels of a vector.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.depthwise import both_ways, make_depthwise
from tinyinfer.kernels.depthwise_pixel import MASKS, pack_filters
from tinyinfer.kernels.depthwise_strip import dense_strips
from tinyinfer.kernels.endings import ending, residual_of
from tinyinfer.kernels.parts import own_range, partition, worthwhile
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
from tinyinfer.ops.shift import Shift

TILE = 8  # pixels side by side that share the work of reading a displacement


def make_gather(pixels: int) -> Any:
    """``pixels`` neighbours in row i, column j of an image, for a vector of channels of which ``real`` are there.

    ``x`` and ``y`` are the addresses of the first of these pixels, ``moves`` of ``count`` displacements (dy, dx) and
    ``lanes`` of the lanes of each, all bits of them ones.  Those for several pixels stay between the image's sides.
    """

    @vector_function(
        x="address", x_row="int", x_stride="int", i="int", h="int", j="int", w="int", moves="address", lanes="address",
        count="int", y="address", y_stride="int", real="int",
    )  # fmt: skip
    def gather(v, x, x_row, x_stride, i, h, j, w, moves, lanes, count, y, y_stride, real):
        across = v.evenly_spaced(pixels, x_stride)
        if pixels > 1:
            for at in across(x + 2 * x_row * 4):  # no stride that a CPU would see: ShiftNet-A's take 0.93 of the time
                v.prefetch(at)

        def gathered(load):
            values = [v.variable(v.constant(0)) for _ in range(pixels)]
            with v.loop(count) as k, contextlib.ExitStack() as inside:
                dy, dx = v.load_int(moves, k * 2), v.load_int(moves, k * 2 + 1)
                beside = [j + dx > -1, j + dx < w] if pixels == 1 else []
                for limit in (i + dy > -1, i + dy < h, *beside):
                    inside.enter_context(v.when(limit))
                bits = v.load(lanes, k * LANES)
                for value, at in zip(values, across(x + (dy * x_row + dx * x_stride) * 4), strict=True):
                    value.set(v.bit_select(value.get(), load(at), bits))
            return values

        with v.either(real < LANES) as (partial, whole):
            with partial:
                mask = v.mask(real)
                for t, value in enumerate(gathered(lambda at: v.load_masked(at, 0, mask))):
                    v.store_masked(value.get(), y, y_stride * t, mask)
            with whole:
                for t, value in enumerate(gathered(v.load)):
                    v.store(value.get(), y, y_stride * t)

    return gather


gather_tile, gather_pixel = make_gather(TILE), make_gather(1)


@task
def shift(part, parts, x, x_stride, h, w, c, moves, lanes, starts, reach, y, y_stride, rows):
    """Every channel from its own distance; block b of LANES channels has the displacements from starts[b] on."""
    left, right = reach
    last = w - right - TILE  # where a tile may begin
    r0, r1 = own_range(part, rows, parts)
    for row in range(r0, r1):
        i, j = row % h, 0
        while j < w:
            tiled = left <= last and left <= j < w - right
            j = min(j, last) if tiled else j  # the last tile overlaps the one before
            p = row * w + j
            for b in range(starts.size - 1):  # all channels of a tile before the next: they lie side by side
                at, real = b * LANES, min(LANES, c - b * LANES)
                source = x.ctypes.data + (p * x_stride + at) * 4
                target = y.ctypes.data + (p * y_stride + at) * 4
                own_moves = moves.ctypes.data + starts[b] * 2 * 8
                own_lanes, count = lanes.ctypes.data + starts[b] * LANES * 4, starts[b + 1] - starts[b]
                if tiled:
                    gather_tile(
                        source, w * x_stride, x_stride, i, h, j, w, own_moves, own_lanes, count, target, y_stride,
                        real,
                    )  # fmt: skip
                else:
                    gather_pixel(
                        source, w * x_stride, x_stride, i, h, j, w, own_moves, own_lanes, count, target, y_stride,
                        real,
                    )  # fmt: skip
            j += TILE if tiled else 1


def by_block(moves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Displacements of all blocks, one after the other, the lanes of each, and where those of a block start."""
    found, lanes, starts = [], [], [0]
    for first in range(0, len(moves), LANES):
        kinds, which = np.unique(moves[first : first + LANES], axis=0, return_inverse=True)
        own = np.zeros((len(kinds), LANES), np.int32)
        own[which.reshape(-1), np.arange(which.size)] = -1
        found.append(kinds)
        lanes.append(own)
        starts.append(starts[-1] + len(kinds))
    return np.concatenate(found), np.concatenate(lanes), np.array(starts)


class _Shift(Kernel):
    name = "gather"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        self.blocks = by_block(np.clip(self.moves(), -(2**20), 2**20))

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def moves(self) -> np.ndarray:
        """(channels, 2) integers (dy, dx)."""
        raise NotImplementedError

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), (moves, lanes, starts), threads = inputs, outputs, self.blocks, self.problem.threads
        reach = (int(max(0, -np.min(moves[:, 1]))), int(max(0, np.max(moves[:, 1]))))
        return shift.bind(
            worthwhile(threads, x.pixels * x.c), x.data, x.pixel_stride, x.h, x.w, x.c, moves, lanes, starts, reach,
            y.data, y.pixel_stride, x.n * x.h,
        )  # fmt: skip


class ShiftGather(_Shift):
    """Displacements by turns."""

    op = "shift"

    def moves(self) -> np.ndarray:
        op: Any = self.problem.op
        return op.displacements(self.problem.inputs[0][1], {})


class SparseShiftGather(_Shift):
    """Learnt displacements, most of them zero."""

    op = "sparse_shift"

    @classmethod
    def pack(cls, layer: Layer) -> np.ndarray:
        op: Any = layer.op
        return op.displacements(len(layer.params["offset"]), layer.params)

    def moves(self) -> np.ndarray:
        return self.packed


def select_bits(v: Any, total: Any, value: Any, tap: Any) -> Any:
    """The lanes of a pixel that a mask selects, beside those that are there."""
    return v.bit_select(total, value, tap)


BY_KERNEL = {kernel: make_depthwise(kernel, dense_strips(kernel, accumulate=select_bits)) for kernel in (3, 5)}


@lru_cache(maxsize=64)
def tap_masks(op: Shift, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """A mask of each tap as `pack_filters` has weights, and no bias; plans of other sizes have the same."""
    moves, size = op.displacements(channels, {}), op.kernel_size
    taps = np.zeros((channels, 1, size, size), np.int32)
    rows, columns = moves.T + size // 2
    taps[np.arange(channels), 0, rows, columns] = -1
    masks, zeros = pack_filters(taps.view(np.float32), None)
    return both_ways(masks, (size, size)), zeros


class ShiftStrips(Kernel):
    """Displacements of one pixel or two, by turns."""

    op = "shift"
    name = "strips"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op: Any = problem.op
        return bool(op.kernel_size in BY_KERNEL and op.dilation == 1 and (MASKS or problem.inputs[0][1] >= LANES))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, Shift)
        masks, zeros = tap_masks(op, x.c)
        rows, blocks = x.n * x.h, -(-x.c // LANES)
        row_parts, block_parts = partition(rows, blocks, worthwhile(self.problem.threads, x.pixels * x.c))
        size, reach = op.kernel_size, op.kernel_size // 2
        geometry = (x.h, x.w, x.h, x.w, size, size, 1, 1, reach, reach, 1, 1)
        return BY_KERNEL[size].bind(
            row_parts * block_parts, x.data, x.pixel_stride, x.c, geometry, masks, zeros, *residual_of(inputs, y),
            y.data, y.pixel_stride, *ending(None), rows, blocks, block_parts,
        )  # fmt: skip


KERNELS = (ShiftStrips, ShiftGather, SparseShiftGather)
