"""Shifts: a vector of channels is put together from the lanes of all pixels that its channels come from.

Neighbouring channels move in different directions, 16 of them in nine or more.  Short moves are a depthwise convolution
whose product is a bitwise "and", whose sum is an "or" and whose taps are masks, so that its strips serve, which load
every pixel once.  In general there is one load for each displacement among the channels of a vector.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Epilogue, Image, Rows
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.depthwise.depthwise import both_ways, make_depthwise
from tinyinfer.kernels.depthwise.depthwise_pixel import MASKS, pack_filters
from tinyinfer.kernels.depthwise.depthwise_strip import dense_strips
from tinyinfer.kernels.parallel.parts import own_range, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.shift import Shift

TILE = 8  # pixels side by side that share the work of reading a displacement


@struct
class Place(NamedTuple):
    """A pixel of an image, and the image's size."""

    row: int
    column: int
    rows: int
    columns: int


@struct
class Moves(NamedTuple):
    """The displacements (dy, dx), of 64 bits, of a vector of channels, and the lanes of each, all their bits ones."""

    moves: Address
    lanes: Address
    number: int


class AllMoves(NamedTuple):
    """The `Moves` of all blocks of channels, of which block b has those from starts[b] on, and how far they reach."""

    moves: Address
    lanes: Address
    starts: np.ndarray
    left: int
    right: int


def make_gather(pixels: int) -> Any:
    """``pixels`` neighbours of an image, for a vector of channels of which ``real`` are there.

    ``x`` and ``y`` begin with the first of these pixels.  What moves several pixels stays between the image's sides.
    """

    @vector_function(x=Image, place=Place, moves=Moves, y=Rows, real="int")
    def gather(v, x, place, moves, y, real):
        across = v.evenly_spaced(pixels, x.pixel)
        if pixels > 1:
            # no stride that a CPU would see and fetch by itself
            for at in across(x.address + 2 * x.row * 4):
                v.prefetch(at)

        def gathered(load):
            values = [v.variable(v.constant(0)) for _ in range(pixels)]
            with v.loop(moves.number) as k, contextlib.ExitStack() as inside:
                dy, dx = v.load_int(moves.moves, k * 2), v.load_int(moves.moves, k * 2 + 1)
                row, column = place.row + dy, place.column + dx
                beside = [column > -1, column < place.columns] if pixels == 1 else []
                for limit in (row > -1, row < place.rows, *beside):
                    inside.enter_context(v.when(limit))
                bits = v.load(moves.lanes, k * LANES)
                for value, at in zip(values, across(x.at(dy, dx).address), strict=True):
                    value.set(v.bit_select(value.get(), load(at), bits))
            return values

        with v.either(real < LANES) as (partial, whole):
            with partial:
                mask = v.mask(real)
                for t, value in enumerate(gathered(lambda at: v.load_masked(at, 0, mask))):
                    v.store_masked(value.get(), y.address, y.stride * t, mask)
            with whole:
                for t, value in enumerate(gathered(v.load)):
                    v.store(value.get(), y.address, y.stride * t)

    return gather


gather_tile, gather_pixel = make_gather(TILE), make_gather(1)


@task
def shift(part, parts, x: Rows, h, w, c, moves: AllMoves, y: Rows, rows):
    """Every channel from its own distance."""
    last = w - moves.right - TILE  # where a tile may begin
    r0, r1 = own_range(part, rows, parts)
    for row in range(r0, r1):
        j = 0
        while j < w:
            tiled = moves.left <= last and moves.left <= j < w - moves.right
            j = min(j, last) if tiled else j  # the last tile overlaps the one before
            p, place = row * w + j, Place(row % h, j, h, w)
            for b in range(moves.starts.size - 1):  # all channels of a tile before the next: they lie side by side
                at, first, end = b * LANES, moves.starts[b], moves.starts[b + 1]
                source = Image(x.at(p, at).address, w * x.stride, x.stride)
                own = Moves(moves.moves + first * 2 * 8, moves.lanes + first * LANES * 4, end - first)
                if tiled:
                    gather_tile(source, place, own, y.at(p, at), min(LANES, c - at))
                else:
                    gather_pixel(source, place, own, y.at(p, at), min(LANES, c - at))
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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), (moves, lanes, starts), threads = inputs, outputs, self.blocks, self.problem.threads
        left, right = int(max(0, -np.min(moves[:, 1]))), int(max(0, np.max(moves[:, 1])))
        all_moves = AllMoves(Address.of(moves), Address.of(lanes), starts, left, right)
        parts = worthwhile(threads, x.pixels * x.c)
        return shift.bind(parts, Rows.of(x), x.h, x.w, x.c, all_moves, Rows.of(y), x.n * x.h)


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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, Shift)
        masks, zeros = tap_masks(op, x.c)
        pieces, parts = pieces_of(y.n * y.h, y.c, worthwhile(self.problem.threads, x.pixels * x.c))
        size, reach = op.kernel_size, op.kernel_size // 2
        geometry = Geometry(x.h, x.w, x.h, x.w, size, size, 1, 1, reach, reach, 1, 1)
        epilogue = Epilogue.of(None, zeros, inputs, y)
        return BY_KERNEL[size].bind(parts, Rows.of(x), x.c, geometry, masks, Rows.of(y), epilogue, pieces)


KERNELS = (ShiftStrips, ShiftGather, SparseShiftGather)
