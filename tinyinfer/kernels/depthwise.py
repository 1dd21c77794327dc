"""Depthwise convolution: one filter a channel, so a vector of channels is a vector of independent convolutions.

T outputs of a row stay in registers while the input columns under them pass by: each column is loaded once and
used by every output it reaches (lesson 04).  Rows above and below the image are skipped; the few columns beside
it are read from a line of zeros instead, which costs a conditional move.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem, aligned_empty
from tinyinfer.kernels.endings import CLIPS, clip_bounds, residual_of
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.kernels.parts import partition, piece
from tinyinfer.kernels.simd import LANES, vector_function
from tinyinfer.kernels.windows import tap_range, window_geometry
from tinyinfer.ops.conv2d import Conv2d

T = 7  # outputs of a tile: maps of 224-pixel images are multiples of 7 wide, and 7 sums fit 16 registers
BAND = 14  # output rows between two changes of channels: up to 10 % faster than 1, as rows are reused from L1
REST = 3  # tile for what T leaves over
MASKS = LANES > 4  # with 4 lanes (NEON, SSE) there are no masked loads worth the name


def make_tile(outputs: int, kw: int, stride: int, masked: bool) -> Any:
    """``outputs`` neighbouring outputs of one row for one vector of channels.

    ``x`` is the first tap in the first of ``rows`` input rows; of the input columns under the tile, those before
    ``first`` (at most kw // 2) and from ``last`` on (at most kw // 2) lie beside the image.
    """

    @vector_function(
        x="address", x_row="int", rows="int", x_stride="int", first="int", last="int", w="address", zeros="address",
        bias="address", r="address", r_stride="int", y="address", y_stride="int", count="int", lo="float", hi="float",
    )  # fmt: skip
    def tile(v, x, x_row, rows, x_stride, first, last, w, zeros, bias, r, r_stride, y, y_stride, count, lo, hi):
        mask = v.mask(count) if masked else None

        def load(address, offset=0):
            return v.load_masked(address, offset, mask) if masked else v.load(address, offset)

        columns = (outputs - 1) * stride + kw
        acc = [v.variable(v.load(bias)) for _ in range(outputs)]
        with v.loop(rows) as row:
            taps = [v.load(w, (row * kw + j) * LANES) for j in range(kw)]
            line = x + row * (x_row * 4)
            for column in range(columns):
                reached = [t for t in range(outputs) if 0 <= column - t * stride < kw]
                if not reached:
                    continue
                address = line + x_stride * (column * 4)
                if column < kw // 2:
                    address = v.choose(first < column + 1, address, zeros)
                elif column >= columns - kw // 2:
                    address = v.choose(last < column + 1, zeros, address)
                value = load(address)
                for t in reached:
                    acc[t].set(v.fma(value, taps[column - t * stride], acc[t].get()))
        finish(v, [a.get() for a in acc], r, r_stride, y, y_stride, mask, lo, hi)

    return tile


def make_pixel(masked: bool) -> Any:
    """One output for one vector of channels, with any number of taps at any distance, all inside the image."""

    @vector_function(
        x="address", x_row="int", rows="int", x_stride="int", columns="int", w="address", w_row="int",
        bias="address", r="address", r_stride="int", y="address", y_stride="int", count="int", lo="float", hi="float",
    )  # fmt: skip
    def pixel(v, x, x_row, rows, x_stride, columns, w, w_row, bias, r, r_stride, y, y_stride, count, lo, hi):
        mask = v.mask(count) if masked else None
        acc = v.variable(v.load(bias))
        with v.loop(rows) as row, v.loop(columns) as column:
            offset = row * x_row + column * x_stride
            value = v.load_masked(x, offset, mask) if masked else v.load(x, offset)
            acc.set(v.fma(value, v.load(w, row * w_row + column * LANES), acc.get()))
        finish(v, [acc.get()], r, r_stride, y, y_stride, mask, lo, hi)

    return pixel


def finish(v: Any, sums: list[Any], r: Any, r_stride: Any, y: Any, y_stride: Any, mask: Any, lo: Any, hi: Any) -> None:
    """Emit the ending: add the residual where there is one, clip, store."""
    low, high = v.broadcast(lo), v.broadcast(hi)
    sums = [v.variable(s) for s in sums]
    with v.when(r_stride != 0):
        for t, s in enumerate(sums):
            other = v.load(r, r_stride * t) if mask is None else v.load_masked(r, r_stride * t, mask)
            s.set(v.add(s.get(), other))
    for t, s in enumerate(sums):
        value = v.clip(s.get(), low, high)
        if mask is None:
            v.store(value, y, y_stride * t)
        else:
            v.store_masked(value, y, y_stride * t, mask)


@inline
def block_start(block, c):
    """First channel of a block; the last block overlaps the one before instead of being a part of one."""
    return max(0, min(block * LANES, c - LANES))


def make_row(kw: int, stride: int) -> Any:
    """A loop over one output row in tiles, for one vector of channels."""
    full, rest, one = (
        make_tile(T, kw, stride, False),
        make_tile(REST, kw, stride, MASKS),
        make_tile(1, kw, stride, MASKS),
    )

    @inline
    def row(x, x_row, rows, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count, lo, hi):
        ox = 0
        while ox < out_w:
            ix = ox * stride - left
            xs, rs, ys = x + ix * x_stride * 4, r + ox * r_stride * 4, y + ox * y_stride * 4
            if ox + T <= out_w and count == LANES:
                full(
                    xs, x_row, rows, x_stride, -ix, width - ix, w, zeros, bias,
                    rs, r_stride, ys, y_stride, count, lo, hi,
                )  # fmt: skip
                ox += T
            elif ox + REST <= out_w:
                rest(
                    xs, x_row, rows, x_stride, -ix, width - ix, w, zeros, bias,
                    rs, r_stride, ys, y_stride, count, lo, hi,
                )  # fmt: skip
                ox += REST
            else:
                one(
                    xs, x_row, rows, x_stride, -ix, width - ix, w, zeros, bias,
                    rs, r_stride, ys, y_stride, count, lo, hi,
                )  # fmt: skip
                ox += 1

    return row


def make_rows(kw: int) -> Any:
    """Output rows p0 .. p1 of the batch, channel blocks b0 .. b1, for kernels ``kw`` wide at stride 1 and 2."""
    row_1, row_2 = make_row(kw, 1), make_row(kw, 2)

    @inline
    def rows_of(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, p0, p1, b0, b1):
        h, width, out_h, out_w, kh, _, stride_h, stride_w, top, left, dilation_h, _ = geometry
        x_line = width * x_stride
        count, zeros = min(c, LANES), bias.ctypes.data + (bias.size - LANES) * 4
        for start in range(p0, p1, BAND):
            for b in range(b0, b1):
                at = block_start(b, c) * 4
                bb = bias.ctypes.data + b * LANES * 4
                for p in range(start, min(p1, start + BAND)):
                    image, oy = p // out_h, p % out_h
                    iy = oy * stride_h - top
                    i0, i1 = tap_range(iy, h, kh, dilation_h)
                    xs = x.ctypes.data + (image * h + iy + i0 * dilation_h) * x_line * 4 + at
                    rs, ys = (
                        r.ctypes.data + p * out_w * r_stride * 4 + at,
                        y.ctypes.data + p * out_w * y_stride * 4 + at,
                    )
                    wb = w.ctypes.data + (b * kh + i0) * kw * LANES * 4
                    if stride_w == 1:
                        row_1(
                            xs, dilation_h * x_line, i1 - i0, x_stride, width, left, wb, zeros, bb,
                            rs, r_stride, ys, y_stride, out_w, count, lo, hi,
                        )  # fmt: skip
                    else:
                        row_2(
                            xs, dilation_h * x_line, i1 - i0, x_stride, width, left, wb, zeros, bb,
                            rs, r_stride, ys, y_stride, out_w, count, lo, hi,
                        )  # fmt: skip

    return rows_of


rows_3, rows_5 = make_rows(3), make_rows(5)
pixel = make_pixel(MASKS)


@inline
def rows_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, p0, p1, b0, b1):
    """Like `rows_3`, for every kernel size, stride, padding and dilation."""
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    count = min(c, LANES)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        iy = oy * stride_h - top
        i0, i1 = tap_range(iy, h, kh, dilation_h)
        line, x_row = (image * h + iy + i0 * dilation_h) * width, dilation_h * width * x_stride
        for ox in range(out_w):
            ix = ox * stride_w - left
            j0, j1 = tap_range(ix, width, kw, dilation_w)
            to = p * out_w + ox
            for b in range(b0, b1):
                at = block_start(b, c)
                pixel(
                    x.ctypes.data + ((line + ix + j0 * dilation_w) * x_stride + at) * 4, x_row, i1 - i0,
                    dilation_w * x_stride, j1 - j0, w.ctypes.data + ((b * kh + i0) * kw + j0) * LANES * 4, kw * LANES,
                    bias.ctypes.data + b * LANES * 4, r.ctypes.data + (to * r_stride + at) * 4, r_stride,
                    y.ctypes.data + (to * y_stride + at) * 4, y_stride, count, lo, hi,
                )  # fmt: skip


@jit
def depthwise_3(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, rows, blocks):
    """clip(conv2d + bias + r) for kernels 3 wide."""
    rows_3(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, 0, rows, 0, blocks)


@jit
def depthwise_5(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, rows, blocks):
    """clip(conv2d + bias + r) for kernels 5 wide."""
    rows_5(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, 0, rows, 0, blocks)


@jit
def depthwise_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, rows, blocks):
    """clip(conv2d + bias + r) for all others."""
    rows_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, 0, rows, 0, blocks)


@jit_parallel
def depthwise_3_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, rows, blocks, row_parts, block_parts
):
    """`depthwise_3` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        rows_3(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, p0, p1, b0, b1)


@jit_parallel
def depthwise_5_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, rows, blocks, row_parts, block_parts
):
    """`depthwise_5` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        rows_5(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, p0, p1, b0, b1)


@jit_parallel
def depthwise_any_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, rows, blocks, row_parts, block_parts
):
    """`depthwise_any` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        rows_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, p0, p1, b0, b1)


def fits_tiles(problem: Problem) -> bool:
    """Whether the tiles serve: 3 or 5 taps wide, and no more than half a kernel beside the image."""
    _, width, _, out_w, _, kw, _, stride, _, left, _, dilation = window_geometry(problem)
    right = (out_w - 1) * stride + kw - left - width
    return kw in (3, 5) and stride in (1, 2) and dilation == 1 and max(left, right) <= kw // 2


class Depthwise(Kernel):
    """One input and one output channel a group, zero padding."""

    op = "conv2d"
    name = "depthwise"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        single = op.groups == problem.inputs[0][1] == problem.outputs[0][1]
        enough = MASKS or op.groups >= LANES
        return single and enough and op.padding_mode == "zeros" and op.activation in CLIPS

    @classmethod
    def pack(cls, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        """Weights as [block, tap, lane] and bias as [block, lane], followed by the zeros that stand for the border."""
        weight = problem.params["weight"]
        c, _, kh, kw = weight.shape
        blocks, lanes = -(-c // LANES), min(c, LANES)
        w, bias = aligned_empty(blocks * kh * kw * LANES), aligned_empty((blocks + 1) * LANES)
        w[:], bias[:] = 0, 0
        given = problem.params.get("bias", np.zeros(c, np.float32))
        for b in range(blocks):
            at = slice(max(0, min(b * LANES, c - LANES)), None)
            w.reshape(blocks, kh * kw, LANES)[b, :, :lanes] = weight[at].reshape(-1, kh * kw)[:lanes].T
            bias.reshape(-1, LANES)[b, :lanes] = given[at][:lanes]
        return w, bias

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (w, bias), geometry, threads = self.packed, window_geometry(self.problem), self.problem.threads
        r, r_stride = residual_of(inputs, y)
        rows, blocks = y.n * y.h, -(-y.c // LANES)
        args = (
            x.data, x.pixel_stride, x.c, geometry, w, bias, r, r_stride, y.data, y.pixel_stride,
            *clip_bounds(self.problem.op.activation), rows, blocks,
        )  # fmt: skip
        serial, parallel = {
            3: (depthwise_3, depthwise_3_parallel), 5: (depthwise_5, depthwise_5_parallel),
        }.get(geometry[5] if fits_tiles(self.problem) else 0, (depthwise_any, depthwise_any_parallel))  # fmt: skip
        return partial(serial, *args) if threads == 1 else partial(parallel, *args, *partition(rows, blocks, threads))


KERNELS = (Depthwise,)
