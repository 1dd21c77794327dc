"""Transposed convolution as ordinary convolutions: one for each place an output can have between two strides.

Outputs whose rows and columns leave the same remainders by the stride, a phase, see the same taps of the kernel
at neighbouring input pixels.  So a phase is a convolution of stride 1 with a part of the kernel, written to every
stride-th pixel: no sums are scattered, and nothing is multiplied by the zeros that a stretched input would have.
The matrix product is that of the direct convolution, over the same band of padded input rows for all phases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments import Epilogue, Image, Rows, Segments
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.depthwise import MASKS, block_start, pixel
from tinyinfer.kernels.endings import FUSED, ending
from tinyinfer.kernels.gemm import BLOCK_FLOATS, NR, gemm_segments, pack_bias, pack_panels
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.memory import copy_rows, fill_rows
from tinyinfer.kernels.pages import aligned_empty
from tinyinfer.kernels.parts import own_memory, own_piece, own_range, partition
from tinyinfer.kernels.task import task
from tinyinfer.kernels.windows import tap_range
from tinyinfer.ops.conv_transpose2d import ConvTranspose2d


class Phase(NamedTuple):
    """Outputs first, first + stride ... of one axis: output q sees input q + offset and ``len(taps)`` - 1 more."""

    offset: int
    taps: tuple[int, ...]  # of the kernel, in the order of the inputs they meet


def phases(op: ConvTranspose2d, kernel: int, i: int) -> list[Phase]:
    """The phases of rows (``i`` 0) or columns (1); `spacing` is the distance of the inputs that one sees."""
    stride, dilation, padding = op.stride[i], op.dilation[i], op.padding[i]
    found = []
    for first in range(stride):
        taps = [t for t in reversed(range(kernel)) if (first + padding - t * dilation) % stride == 0]
        found.append(Phase((first + padding - taps[0] * dilation) // stride if taps else 0, tuple(taps)))
    return found


def spacing(op: ConvTranspose2d, i: int) -> int:
    """Distance between the inputs that one output sees."""
    return op.dilation[i] // math.gcd(op.dilation[i], op.stride[i])


def phase_table(op: ConvTranspose2d, kernel: Sequence[int], floats_a_tap: int) -> np.ndarray:
    """Rows (first row, first column, offset down, taps down, offset across, taps across, start of the weights)."""
    table, start = [], 0
    for a, down in enumerate(phases(op, kernel[0], 0)):
        for b, across in enumerate(phases(op, kernel[1], 1)):
            table.append((a, b, down.offset, len(down.taps), across.offset, len(across.taps), start))
            start += len(down.taps) * len(across.taps) * floats_a_tap
    return np.array(table, np.int64)


def reach(op: ConvTranspose2d, kernel: int, i: int) -> tuple[int, int]:
    """The first and the last input that any phase's output 0 sees."""
    seen = [p for p in phases(op, kernel, i) if p.taps]
    return min(p.offset for p in seen), max(p.offset + (len(p.taps) - 1) * spacing(op, i) for p in seen)


@inline
def copy_band(x, x_stride, channel, c, h, w, image, first_row, rows, first_column, columns, band):
    """Rows and columns of c channels of an image into band[rows, columns, c], zeros where there is no pixel."""
    zero = np.float32(0)
    left = min(max(-first_column, 0), columns)
    right = min(max(w - first_column, left), columns)
    for row in range(rows):
        iy, to = first_row + row, band.ctypes.data + row * columns * c * 4
        if iy < 0 or iy >= h or left == right:
            fill_rows(zero, to, 0, 1, columns * c)
            continue
        source = ((image * h + iy) * w + first_column + left) * x_stride + channel
        fill_rows(zero, to, 0, 1, left * c)
        copy_rows(x.ctypes.data + source * 4, x_stride, to + left * c * 4, c, right - left, c)
        fill_rows(zero, to + right * c * 4, 0, 1, (columns - right) * c)


@task
def transposed(
    part, parts, x, x_stride, c, geometry, table, w, bias, y, y_stride, n, groups, lo, hi, act, scratch, band_rows,
    bands,
):  # fmt: skip
    """activation(conv_transpose2d + bias): bands of ``band_rows`` outputs of a phase; c and n are of one group."""
    band, (b0, b1) = own_memory(part, scratch, parts), own_range(part, bands, parts)
    h, width, out_h, out_w, stride_h, stride_w, spacing_h, first_row, more_rows, first_column, columns = geometry
    steps = -(-out_h // stride_h)
    bands_per_image = -(-steps // band_rows)
    w_group, b_group = w.size // groups, bias.size // groups
    none = np.intp(y.ctypes.data)
    for b in range(b0, b1):
        image, q0 = b // bands_per_image, b % bands_per_image * band_rows
        q1 = min(steps, q0 + band_rows)
        for g in range(groups):
            copy_band(
                x, x_stride, g * c, c, h, width, image, q0 + first_row, q1 - q0 + more_rows, first_column, columns, band
            )
            for phase in range(len(table)):
                oy, ox, down, taps_down, across, taps_across, start = table[phase]
                count = -(-(out_w - ox) // stride_w)
                if count <= 0:
                    continue
                k = taps_across * c
                for panel in range(0, n, NR):  # outermost, so that it stays in cache for the whole band
                    for q in range(q0, min(q1, -(-(out_h - oy) // stride_h))):
                        at = (q - q0 + down - first_row) * columns + across - first_column
                        p = (image * out_h + q * stride_h + oy) * out_w + ox
                        own_bias = np.intp(bias.ctypes.data) + (g * b_group + panel) * 4
                        segments = Segments(taps_down, spacing_h * columns * c, k)
                        gemm_segments(
                            Rows(band.ctypes.data + at * c * 4, c), count, segments,
                            w.ctypes.data + (g * w_group + start + panel * k * taps_down) * 4,
                            Rows(y.ctypes.data + (p * y_stride + g * n + panel) * 4, stride_w * y_stride),
                            min(NR, n - panel), Epilogue(own_bias, Rows(none, 0), lo, hi, act),
                        )  # fmt: skip


@task
def transposed_depthwise(
    part, parts, x, x_stride, c, geometry, table, w, bias, y, y_stride, lo, hi, act, rows, blocks, block_parts
):
    """activation(conv_transpose2d + bias) with one filter a channel."""
    p0, p1, b0, b1 = own_piece(part, rows, blocks, parts, block_parts)
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, spacing_h, spacing_w = geometry
    count = min(c, LANES)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        for ox in range(out_w):
            _, _, down, taps_down, across, taps_across, start = table[oy % stride_h * stride_w + ox % stride_w]
            iy, ix = oy // stride_h + down, ox // stride_w + across
            i0, i1 = tap_range(iy, h, taps_down, spacing_h)
            j0, j1 = tap_range(ix, width, taps_across, spacing_w)
            source = ((image * h + iy + i0 * spacing_h) * width + ix + j0 * spacing_w) * x_stride
            tap = start + i0 * taps_across + j0
            for b in range(b0, b1):
                at = block_start(b, c)
                own_bias, none = np.intp(bias.ctypes.data) + b * LANES * 4, Rows(np.intp(y.ctypes.data), 0)
                pixel(
                    Image(x.ctypes.data + (source + at) * 4, spacing_h * width * x_stride, spacing_w * x_stride),
                    i1 - i0, j1 - j0,
                    Rows(w.ctypes.data + (b * kh * kw + tap) * LANES * 4, taps_across * LANES),
                    Rows(y.ctypes.data + ((p * out_w + ox) * y_stride + at) * 4, y_stride), count,
                    Epilogue(own_bias, none, lo, hi, act),
                )  # fmt: skip


def operator(layer: Layer) -> ConvTranspose2d:
    """The layer's operator, known to be a transposed convolution."""
    assert isinstance(layer.op, ConvTranspose2d)
    return layer.op


class Phases(Kernel):
    """Any groups, stride and padding; the inputs that an output sees must be neighbours in their row."""

    op = "conv_transpose2d"
    name = "phases"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, packed)
        op, (n, c, _, _), kernel = operator(problem), problem.inputs[0], problem.params["weight"].shape[2:]
        steps = [-(-out // step) for out, step in zip(problem.outputs[0][2:], op.stride, strict=True)]
        (first_row, last_row), (first_column, last_column) = (reach(op, kernel[i], i) for i in range(2))
        more_rows, columns = last_row - first_row, steps[1] + last_column - first_column
        row = columns * (c // op.groups)
        self.band_rows = min(max(1, BLOCK_FLOATS // row - more_rows), -(-steps[0] // problem.threads))
        self.bands = n * -(-steps[0] // self.band_rows)
        self.scratch_floats = (self.band_rows + more_rows) * row * problem.threads
        self.band = (first_row, more_rows, first_column, columns)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = operator(problem)
        return op.activation in FUSED and (spacing(op, 1) == 1 or problem.params["weight"].shape[3] <= 1)

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        """For every group and phase the panels of its [taps * channels, outputs] matrix."""
        op, weight = operator(layer), layer.params["weight"]
        c, n, kh, kw = weight.shape
        matrices = []
        for group in weight.reshape(op.groups, c // op.groups, n, kh, kw):
            for down in phases(op, kh, 0):
                for across in phases(op, kw, 1):
                    seen = group[:, :, down.taps][:, :, :, across.taps].transpose(2, 3, 0, 1)
                    matrices.append(seen.reshape(seen[..., 0].size, n))
        bias = layer.params.get("bias")
        biases = np.split(bias, op.groups) if bias is not None else [None] * op.groups
        return pack_panels(*matrices), np.concatenate([pack_bias(b, n) for b in biases])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, operator(self.problem)
        (w, bias), kernel = self.packed, self.problem.params["weight"].shape[2:]
        c, taps = x.c // op.groups, kernel[0] * kernel[1]
        geometry = (x.h, x.w, y.h, y.w, *op.stride, spacing(op, 0), *self.band)
        return transposed.bind(
            self.problem.threads, x.data, x.pixel_stride, c, geometry,
            phase_table(op, kernel, w.size // (op.groups * taps)), w, bias,
            y.data, y.pixel_stride, y.c // op.groups, op.groups, *ending(op.activation),
            scratch, self.band_rows, self.bands,
        )  # fmt: skip


class DepthwisePhases(Kernel):
    """One input and one output channel a group: a vector of channels at a time."""

    op = "conv_transpose2d"
    name = "depthwise"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = operator(problem)
        single = op.groups == problem.inputs[0][1] == problem.outputs[0][1]
        return single and (MASKS or op.groups >= LANES) and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        """Weights as [block, tap, lane], phase after phase, and bias as [block, lane]."""
        op, weight = operator(layer), layer.params["weight"]
        c, _, kh, kw = weight.shape
        taps = [(down.taps, across.taps) for down in phases(op, kh, 0) for across in phases(op, kw, 1)]
        by_tap = np.array([weight[:, 0, i, j] for rows, columns in taps for i in rows for j in columns])
        given = layer.params.get("bias", np.zeros(c, np.float32))
        blocks, lanes = -(-c // LANES), min(c, LANES)
        w, bias = aligned_empty(blocks * kh * kw * LANES), aligned_empty(blocks * LANES)
        w[:], bias[:] = 0, 0
        for b in range(blocks):
            at = slice(max(0, min(b * LANES, c - LANES)), None)
            w.reshape(blocks, kh * kw, LANES)[b, :, :lanes] = by_tap[:, at][:, :lanes]
            bias.reshape(-1, LANES)[b, :lanes] = given[at][:lanes]
        return w, bias

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, operator(self.problem)
        (w, bias), kernel = self.packed, self.problem.params["weight"].shape[2:]
        geometry = (x.h, x.w, y.h, y.w, *kernel, *op.stride, spacing(op, 0), spacing(op, 1))
        rows, blocks = y.n * y.h, -(-y.c // LANES)
        row_parts, block_parts = partition(rows, blocks, self.problem.threads)
        return transposed_depthwise.bind(
            row_parts * block_parts, x.data, x.pixel_stride, x.c, geometry, phase_table(op, kernel, 1), w, bias,
            y.data, y.pixel_stride, *ending(op.activation), rows, blocks, block_parts,
        )  # fmt: skip


KERNELS = (DepthwisePhases, Phases)
