"""Transposed convolution as ordinary convolutions: one for each place an output can have between two strides.

Outputs whose rows and columns leave the same remainders by the stride, a phase, see the same taps of the kernel
at neighbouring input pixels.  So a phase is a convolution of stride 1 with a part of the kernel, written to every
stride-th pixel: no sums are scattered, and nothing is multiplied by the zeros that a stretched input would have.
The matrix product is that of the direct convolution, over the same band of padded input rows for all phases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Epilogue, Groups, Image, Rows, Segments
from tinyinfer.kernels.arguments.phases import phases, spacing
from tinyinfer.kernels.arguments.windows import tap_range
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.memory import copy_rows, fill_rows
from tinyinfer.kernels.depthwise.depthwise import MASKS, block_start, pixel
from tinyinfer.kernels.matmul.gemm import BLOCK_FLOATS, NR, gemm_segments, pack_bias, pack_panels
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import Pieces, own_memory, own_piece, own_range, pieces_of
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d


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


class Sizes(NamedTuple):
    """Those of image, output and kernel, the strides of the outputs of a phase, and `spacing` both ways."""

    h: int
    w: int
    out_h: int
    out_w: int
    kh: int
    kw: int
    stride_h: int
    stride_w: int
    spacing_h: int
    spacing_w: int


class Filters(NamedTuple):
    """What `phase_table` gives, and the packed weights it points into."""

    phases: np.ndarray
    weights: np.ndarray


class Bands(NamedTuple):
    """Outputs of a phase in a band, how many bands there are, and what one sees of the image.

    Outputs from q on see the rows from first_row + q on, ``more_rows`` more than they are, and ``columns`` columns.
    """

    rows: int
    number: int
    first_row: int
    more_rows: int
    first_column: int
    columns: int


@inline
def copy_band(x, c, h, w, first_row, rows, first_column, columns, band):
    """Rows and columns of c channels of an image into band[rows, columns, c], zeros where there is no pixel."""
    zero = np.float32(0)
    left = min(max(-first_column, 0), columns)
    right = min(max(w - first_column, left), columns)
    for row in range(rows):
        iy, to = first_row + row, band + row * columns * c * 4
        if iy < 0 or iy >= h or left == right:
            fill_rows(zero, to, 0, 1, columns * c)
            continue
        source = x.at(iy * w + first_column + left)
        fill_rows(zero, to, 0, 1, left * c)
        copy_rows(source.address, source.stride, to + left * c * 4, c, right - left, c)
        fill_rows(zero, to + right * c * 4, 0, 1, (columns - right) * c)


@task
def transposed(
    part, parts, x: Rows, groups: Groups, sizes: Sizes, filters: Filters, y: Rows, epilogue: Epilogue, bands: Bands,
    workspace,
):  # fmt: skip
    """activation(conv_transpose2d + bias) in bands of outputs, all phases of one after the other."""
    band, (b0, b1) = np.intp(own_memory(part, workspace, parts).ctypes.data), own_range(part, bands.number, parts)
    h, width, out_h, out_w, _, _, stride_h, stride_w, spacing_h, _ = sizes
    band_rows, _, first_row, more_rows, first_column, columns = bands
    number, c, n = groups
    steps = -(-out_h // stride_h)
    bands_per_image = -(-steps // band_rows)
    weights, w_group, bias_group = filters.weights.ctypes.data, filters.weights.size // number, -(-n // NR) * NR
    for b in range(b0, b1):
        image, q0 = b // bands_per_image, b % bands_per_image * band_rows
        q1 = min(steps, q0 + band_rows)
        for g in range(number):
            source = x.at(image * h * width, g * c)
            copy_band(source, c, h, width, q0 + first_row, q1 - q0 + more_rows, first_column, columns, band)
            for phase in range(len(filters.phases)):
                oy, ox, down, taps_down, across, taps_across, start = filters.phases[phase]
                count = -(-(out_w - ox) // stride_w)
                if count <= 0:
                    continue
                k = taps_across * c
                segments = Segments(taps_down, spacing_h * columns * c, k)
                for panel in range(0, n, NR):  # outermost, so that it stays in cache for the whole band
                    own_bias = epilogue.bias + (g * bias_group + panel) * 4
                    for q in range(q0, min(q1, -(-(out_h - oy) // stride_h))):
                        at = (q - q0 + down - first_row) * columns + across - first_column
                        p = (image * out_h + q * stride_h + oy) * out_w + ox
                        gemm_segments(
                            Rows(band + at * c * 4, c), count, segments,
                            weights + (g * w_group + start + panel * k * taps_down) * 4,
                            Rows(y.at(p, g * n + panel).address, stride_w * y.stride), min(NR, n - panel),
                            epilogue.with_bias(own_bias),
                        )  # fmt: skip


@task
def transposed_depthwise(
    part, parts, x: Rows, c, sizes: Sizes, filters: Filters, y: Rows, epilogue: Epilogue, pieces: Pieces
):
    """activation(conv_transpose2d + bias) with one filter a channel."""
    p0, p1, b0, b1 = own_piece(part, pieces.rows, pieces.blocks, parts, pieces.block_parts)
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, spacing_h, spacing_w = sizes
    count, weights = min(c, LANES), np.intp(filters.weights.ctypes.data)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        for ox in range(out_w):
            phase = filters.phases[oy % stride_h * stride_w + ox % stride_w]
            _, _, down, taps_down, across, taps_across, start = phase
            iy, ix = oy // stride_h + down, ox // stride_w + across
            i0, i1 = tap_range(iy, h, taps_down, spacing_h)
            j0, j1 = tap_range(ix, width, taps_across, spacing_w)
            source = (image * h + iy + i0 * spacing_h) * width + ix + j0 * spacing_w
            tap = start + i0 * taps_across + j0
            for b in range(b0, b1):
                at = block_start(b, c)
                pixel(
                    Image(x.at(source, at).address, spacing_h * width * x.stride, spacing_w * x.stride),
                    i1 - i0, j1 - j0, Rows(weights + (b * kh * kw + tap) * LANES * 4, taps_across * LANES),
                    y.at(p * out_w + ox, at), count, epilogue.with_bias(epilogue.bias + b * LANES * 4),
                )  # fmt: skip


def sizes_of(op: ConvTranspose2d, x: FeatureMap, y: FeatureMap, kernel: Sequence[int]) -> Sizes:
    """The sizes of a problem."""
    return Sizes(x.h, x.w, y.h, y.w, kernel[0], kernel[1], *op.stride, spacing(op, 0), spacing(op, 1))


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
        rows = min(max(1, BLOCK_FLOATS // row - more_rows), -(-steps[0] // problem.threads))
        self.bands = Bands(rows, n * -(-steps[0] // rows), first_row, more_rows, first_column, columns)
        self.workspace_floats = (rows + more_rows) * row * problem.threads

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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, operator(self.problem)
        (w, bias), kernel = self.packed, self.problem.params["weight"].shape[2:]
        groups = Groups(op.groups, x.c // op.groups, y.c // op.groups)
        filters = Filters(phase_table(op, kernel, w.size // (op.groups * kernel[0] * kernel[1])), w)
        epilogue = Epilogue.of(op.activation, bias, inputs, y)
        return transposed.bind(
            self.problem.threads, Rows.of(x), groups, sizes_of(op, x, y, kernel), filters, Rows.of(y), epilogue,
            self.bands, workspace,
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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, operator(self.problem)
        (w, bias), kernel = self.packed, self.problem.params["weight"].shape[2:]
        pieces, parts = pieces_of(y.n * y.h, y.c, self.problem.threads)
        filters, epilogue = Filters(phase_table(op, kernel, 1), w), Epilogue.of(op.activation, bias, inputs, y)
        return transposed_depthwise.bind(
            parts, Rows.of(x), x.c, sizes_of(op, x, y, kernel), filters, Rows.of(y), epilogue, pieces
        )


KERNELS = (DepthwisePhases, Phases)
