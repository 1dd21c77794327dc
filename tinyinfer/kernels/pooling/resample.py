"""Resizing: nearest neighbours are copies, else a row is mixed across, and an output row from such rows.

Which pixels are mixed and by what weights are tables settled at planning time, the reference's own.  Every input row
is mixed across once, into one of a ring of lines that stay in the first caches until the output rows have passed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, ByteRows, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.movement.scattered_copy import Walk, bind_copy
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.pooling.mixing import Taps, mix_gathered, mix_rows
from tinyinfer.ops.base import Op, axes
from tinyinfer.ops.dtypes import CODES
from tinyinfer.ops.pooling.interpolate import Interpolate
from tinyinfer.ops.pooling.resize import Resize

FEW_CHANNELS = 8  # below which lanes are pixels, gathered one by one, as too few would be of use else


class Across(NamedTuple):
    """How a line is mixed: pixel by pixel, or, where ``taps`` is not 0, float by float with as many taps."""

    pixels: Taps
    source: Address
    weight: Address
    taps: int


class Down(NamedTuple):
    """For each output row the lines it is a mixture of: rows of the image, and their slots in the ring."""

    row: np.ndarray
    slot: np.ndarray
    taps: Taps
    slots: int


class Size(NamedTuple):
    """Rows and columns of an image and of its output, and its channels."""

    h: int
    w: int
    out_h: int
    out_w: int
    c: int


@task
def resize(part, parts, x: Rows, size: Size, down: Down, across: Across, y: Rows, count, workspace):
    """``count`` output rows of the batch; each part has a ring of its own, and before it the numbers of its rows."""
    (p0, p1), memory, line = own_range(part, count, parts), own_memory(part, workspace, parts), size.out_w * size.c
    held, ring = memory[: down.slots], Rows(np.intp(memory.ctypes.data) + down.slots * 4, line)
    for slot in range(down.slots):
        held[slot] = -1
    runs, run = (1, line) if y.stride == size.c else (size.out_w, size.c)
    for p in range(p0, p1):
        image, out_row = p // size.out_h, p % size.out_h
        for tap in range(down.row.shape[1]):
            row, slot = image * size.h + down.row[out_row, tap], down.slot[out_row, tap]
            if held[slot] != row:
                held[slot] = row
                source, to = x.at(row * size.w), ring.at(slot).address
                if across.taps > 0:
                    mix_gathered(source.address, across.source, across.weight, across.taps, to, line)
                else:
                    mix_rows(source, across.pixels, Rows(to, size.c), size.out_w, size.c)
        for i in range(runs):
            mix_rows(ring.at(0, i * run), down.taps.at(out_row), y.at(p * size.out_w + i), 1, run)


@vector_function(x="address", y="address", count="int")
def widen_codes(v, x, y, count):
    """``count`` unsigned codes as floats."""
    end = count // LANES * LANES
    with v.loop(end, LANES) as k:
        v.store(v.as_floats(v.load_codes(x, k)), y, k)
    with v.when(count != end):
        mask = v.mask(count - end)
        v.store_masked(v.as_floats(v.load_codes(x, end, mask)), y, end, mask)


@vector_function(x="address", y="address", count="int")
def round_to_codes(v, x, y, count):
    """``count`` floats as the nearest unsigned codes, of two as near the larger one."""
    end, lowest, highest, half = count // LANES * LANES, v.constant(0), v.constant(255), v.constant(0.5)

    def nearest(floats):
        return v.nearest_integers(v.floor(v.add(v.clip(floats, lowest, highest), half)))

    with v.loop(end, LANES) as k:
        v.store_codes(nearest(v.load(x, k)), y, k)
    with v.when(count != end):
        mask = v.mask(count - end)
        v.store_codes(nearest(v.load_masked(x, end, mask)), y, end, mask)


@task
def resize_codes(part, parts, x: ByteRows, size: Size, down: Down, across: Across, y: ByteRows, count, workspace):
    """`resize` of codes: floats from an input row, which is widened, to an output row, which is rounded."""
    (p0, p1), memory, line = own_range(part, count, parts), own_memory(part, workspace, parts), size.out_w * size.c
    held, ring = memory[: down.slots], Rows(np.intp(memory.ctypes.data) + down.slots * 4, line)
    mixed = ring.at(down.slots)
    wide = Rows(mixed.at(1).address, size.c)
    for slot in range(down.slots):
        held[slot] = -1
    for p in range(p0, p1):
        image, out_row = p // size.out_h, p % size.out_h
        for tap in range(down.row.shape[1]):
            row, slot = image * size.h + down.row[out_row, tap], down.slot[out_row, tap]
            if held[slot] != row:
                held[slot] = row
                for j in range(size.w):
                    widen_codes(x.at(row * size.w + j).address, wide.at(j).address, size.c)
                mix_rows(wide, across.pixels, Rows(ring.at(slot).address, size.c), size.out_w, size.c)
        mix_rows(ring, down.taps.at(out_row), mixed, 1, line)
        for j in range(size.out_w):
            round_to_codes(mixed.at(0, j * size.c).address, y.at(p * size.out_w + j).address, size.c)


def taps_of(op: Op, dim: int, size: int, out: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Sources and weights of the ``out`` places along a dimension, and whether some are filled with another value."""
    if isinstance(op, Interpolate):
        return *op.taps(dim - 2, size, out), False
    assert isinstance(op, Resize)
    dims = axes(op.dims, 4)
    if dim not in dims:
        return np.arange(size)[:, None], np.ones((size, 1)), False
    line = op.line(dims.index(dim), size, out)
    return line.source, line.weight, bool(line.outside.any())


class _Nearest(Kernel):
    """Copies of pixels."""

    name: ClassVar[str] = "nearest"
    dtypes = ("float32", *CODES)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Interpolate | Resize)
        return problem.op.mode.startswith("nearest") and _fills_nothing(problem)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        problem, shape, out = self.problem, self.problem.inputs[0], self.problem.outputs[0]
        sides = [taps_of(problem.op, dim, shape[dim], out[dim])[0][:, 0] for dim in (2, 3)]
        walks = [Walk.over(shape[0]), Walk.over(shape[1]), *map(Walk.picking, sides)]
        return bind_copy(problem.threads, inputs[0], outputs[0], (shape, out), walks)


class _Separable(Kernel):
    """Mixtures across, then down."""

    name: ClassVar[str] = "separable"

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        shape, (_, c, _, out_w) = problem.inputs[0], problem.outputs[0]
        self.threads = worthwhile(problem.threads, int(np.prod(problem.outputs[0])))
        self.down, self.across = (taps_of(problem.op, dim, shape[dim], problem.outputs[0][dim])[:2] for dim in (2, 3))
        rows = self.down[0]
        self.slots = int((rows.max(axis=1) - rows.min(axis=1)).max()) + 1
        self.workspace_floats = self.threads * self.slots * (out_w * c + 1)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Interpolate | Resize)
        return not problem.op.mode.startswith("nearest") and _fills_nothing(problem)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        size = Size(x.h, x.w, y.h, y.w, x.c)
        rows, weights = self.down
        down = Down(rows, rows % self.slots, Taps.of(rows % self.slots, weights), self.slots)
        return resize.bind(
            self.threads, Rows.of(x), size, down, self._across(x), Rows.of(y), y.n * y.h, workspace
        )  # fmt: skip

    def _across(self, x: FeatureMap) -> Across:
        source, weight = self.across
        if x.c >= FEW_CHANNELS:
            pixels = Taps.of(source, weight)
            return Across(pixels, pixels.source, pixels.weight, 0)
        places = (source[:, None] * x.pixel_stride + np.arange(x.c)[:, None]).reshape(-1, source.shape[1])
        tables = places.astype(np.int32), np.repeat(weight, x.c, axis=0).astype(np.float32)
        return Across(Taps.of(source, weight), *map(_by_registers, tables), source.shape[1])


def _by_registers(table: np.ndarray) -> Address:
    """A table (floats, taps) of 4-byte numbers as (registers, taps, LANES), zeros in the lanes that are too many."""
    count, taps = table.shape
    padded = np.pad(table, ((0, -count % LANES), (0, 0)))
    return Address.of(np.ascontiguousarray(padded.reshape(-1, LANES, taps).swapaxes(1, 2)))


def _fills_nothing(problem: Problem) -> bool:
    """Whether heights and widths alone change, all pixels of the output being made of the input's."""
    shape, out = problem.inputs[0], problem.outputs[0]
    if isinstance(problem.op, Resize) and not {*axes(problem.op.dims, len(shape))} <= {2, 3}:
        return False
    return not any(taps_of(problem.op, dim, shape[dim], out[dim])[2] for dim in (2, 3))


class _SeparableCodes(_Separable):
    """The same of codes."""

    name: ClassVar[str] = "separable_codes"
    dtypes = ("uint8",)
    tolerance = 1.0  # mixtures are summed in another order, so that a half may be rounded the other way

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        (_, c, _, w), out_w = problem.inputs[0], problem.outputs[0][3]
        self.workspace_floats += self.threads * (out_w + w) * c

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (rows, weights), pixels = self.down, Taps.of(*self.across)
        down = Down(rows, rows % self.slots, Taps.of(rows % self.slots, weights), self.slots)
        across = Across(pixels, pixels.source, pixels.weight, 0)
        return resize_codes.bind(
            self.threads, ByteRows.of(x), Size(x.h, x.w, y.h, y.w, x.c), down, across, ByteRows.of(y), y.n * y.h,
            workspace,
        )  # fmt: skip


class InterpolateNearest(_Nearest):
    """As torch resizes."""

    op = "interpolate"


class InterpolateSeparable(_Separable):
    """As torch resizes."""

    op = "interpolate"


class InterpolateSeparableCodes(_SeparableCodes):
    """As torch resizes."""

    op = "interpolate"


class ResizeNearest(_Nearest):
    """As ONNX resizes."""

    op = "resize"


class ResizeSeparable(_Separable):
    """As ONNX resizes."""

    op = "resize"


class ResizeSeparableCodes(_SeparableCodes):
    """As ONNX resizes."""

    op = "resize"


KERNELS = (
    InterpolateNearest, InterpolateSeparable, InterpolateSeparableCodes, ResizeNearest, ResizeSeparable,
    ResizeSeparableCodes,
)  # fmt: skip
