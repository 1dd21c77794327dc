"""Pools of codes: means from exact sums, and maxima, which stay codes as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Address, ByteRows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.parallel.parts import Pieces, own_channels, pieces_of
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.pooling.windows import POOL_SMALL, Windows, adaptive, sliding, window_of
from tinyinfer.kernels.quantized.epilogue.finish import Finishing
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.ops.quantized.pooling import QuantizedAdaptiveAvgPool2d, QuantizedAvgPool2d, QuantizedPool

WIDE = 4  # registers summed side by side: one alone waits for each addition to end
LARGEST_WINDOW = 2**23  # codes whose sum fits 32 bits


@struct
class ByteWindow(NamedTuple):
    """``rows`` x ``columns`` pixels, lines ``row`` bytes apart and ``pixel`` bytes from a pixel to its neighbour."""

    address: Address
    row: int
    pixel: int
    rows: int
    columns: int


@vector_function(
    x=ByteWindow, zero="int", factor="float", shift="float", y=Results, channels="int", epilogue=Requantize
)
def mean_window(v, x, zero, factor, shift, y, channels, epilogue):
    """One output pixel: a sum less what its zero points add, times a factor, plus ``shift``, as `Requantize` says."""
    wide, end, rest = v.registers(WIDE), channels // LANES * LANES, v.mask(channels - channels // LANES * LANES)
    wide_end = channels // (WIDE * LANES) * (WIDE * LANES)

    def reduce(words, at, mask=None):
        total = words.variable(words.integer(zero))
        with v.loop(x.rows) as row, v.loop(x.columns) as column:
            place = row * x.row + column * x.pixel + at
            total.set(words.add_integers(total.get(), words.load_codes(x.address, place, mask)))
        finishing = Finishing(words, epilogue)
        mean = finishing.scaled(total.get(), words.broadcast(factor))
        value = words.variable(words.add(mean, words.broadcast(shift)))
        finishing.activate(value)
        finishing.store(value.get(), y.size, y.address, at, mask)

    with v.loop(wide_end, WIDE * LANES) as at:
        reduce(wide, at)
    with v.loop((end - wide_end) // LANES) as block:
        reduce(v, wide_end + block * LANES)
    with v.when(channels != end):
        reduce(v, end, rest)


@vector_function(x=ByteWindow, y="address", channels="int")
def max_window(v, x, y, channels):
    """One output pixel: the largest code of each channel."""
    wide = v.registers(WIDE)
    end = channels // (WIDE * LANES) * (WIDE * LANES)

    def reduce(words, at, mask=None):
        largest = words.variable(words.load_byte_vector(x.address, at, mask))
        with v.loop(x.rows) as row, v.loop(x.columns) as column:
            place = row * x.row + column * x.pixel + at
            largest.set(words.max_bytes(largest.get(), words.load_byte_vector(x.address, place, mask)))
        words.store_byte_vector(largest.get(), y, at, mask)

    with v.loop(end, WIDE * LANES) as at:
        reduce(wide, at)
    whole = (channels - end) // LANES
    with v.loop(whole) as block:
        reduce(v, end + block * LANES)
    last = end + whole * LANES
    with v.when(channels != last):
        reduce(v, last, v.mask(channels - last))


@task
def mean_pool(
    part, parts, x: ByteRows, windows: Windows, zero, shift, y: Results, c, epilogue: Requantize, pieces: Pieces
):
    """Every window summed up and scaled; ``zero`` is the zero point of its codes."""
    w = windows.w
    p0, p1, first, channels = own_channels(part, parts, c, pieces)
    for p in range(p0, p1):
        image, row, column, rows, columns, at = window_of(windows, p)
        start = x.at((image * windows.h + row) * w + column, first).address
        window = ByteWindow(start, windows.dilation_h * w * x.stride, windows.dilation_w * x.stride, rows, columns)
        mean_window(window, -zero * rows * columns, windows.scale[at], shift, y.at(p, first), channels, epilogue)


@task
def max_pool(part, parts, x: ByteRows, windows: Windows, y: ByteRows, c, pieces: Pieces):
    """Of every window the largest codes."""
    w = windows.w
    p0, p1, first, channels = own_channels(part, parts, c, pieces)
    for p in range(p0, p1):
        image, row, column, rows, columns, _ = window_of(windows, p)
        start = x.at((image * windows.h + row) * w + column, first).address
        window = ByteWindow(start, windows.dilation_h * w * x.stride, windows.dilation_w * x.stride, rows, columns)
        max_window(window, y.at(p, first).address, channels)


class _MeanPool(Kernel):
    """What means share: any size, any channels."""

    name: ClassVar[str] = "codes"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, QuantizedPool)
        _, _, h, w = problem.inputs[0]
        return problem.input_dtypes == ("uint8",) and h * w <= LARGEST_WINDOW and problem.op.activation in FUSED

    def windows(self) -> Windows:
        """Where the windows lie; their scales are what a unit of each sum is worth."""
        op = self.problem.op
        assert isinstance(op, QuantizedPool)
        plain = dataclasses.replace(self.problem, op=op.pool)
        tables = sliding(plain) if isinstance(op, QuantizedAvgPool2d) else adaptive(plain)
        (_, _, h, w), out = self.problem.inputs[0], self.problem.outputs[0][2:]
        worths = np.broadcast_to(op.worths((h, w)) / op.unit, (1, 1, *out))
        return tables._replace(scale=worths.astype(np.float32).reshape(-1))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, QuantizedPool)
        nothing = np.zeros(1, np.float32)
        epilogue = Requantize.of(op, nothing, nothing, inputs, y)
        pieces, parts = pieces_of(y.pixels, y.c, self.problem.threads if x.pixels * x.c >= POOL_SMALL else 1)
        return mean_pool.bind(
            parts, ByteRows.of(x), self.windows(), op.input_zero_point, np.float32(op.shift), Results.of(y),
            y.c, epilogue, pieces,
        )  # fmt: skip


class AvgPoolCodes(_MeanPool):
    """Sliding windows."""

    op = QuantizedAvgPool2d.name


class AdaptiveAvgPoolCodes(_MeanPool):
    """Bins; one bin is global pooling."""

    op = QuantizedAdaptiveAvgPool2d.name


class MaxPoolCodes(Kernel):
    """The largest code of each sliding window."""

    op = "max_pool2d"
    name = "codes"
    dtypes = ("uint8",)
    tolerance = 0.0

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return sliding(problem).all_see_pixels

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        pieces, parts = pieces_of(y.pixels, y.c, self.problem.threads if x.pixels * x.c >= POOL_SMALL else 1)
        return max_pool.bind(parts, ByteRows.of(x), sliding(self.problem), ByteRows.of(y), y.c, pieces)


KERNELS = (AvgPoolCodes, AdaptiveAvgPoolCodes, MaxPoolCodes)
