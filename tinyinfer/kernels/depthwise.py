"""Depthwise convolution: the strips of `depthwise_strip` for usual kernels, pixel by pixel for all others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.depthwise_pixel import MASKS, block_start, make_pixel, pack_filters
from tinyinfer.kernels.depthwise_strip import ROWS, STRIPS
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.jit import inline, jit, jit_parallel, load
from tinyinfer.kernels.parts import partition, piece
from tinyinfer.kernels.windows import tap_range, window_geometry
from tinyinfer.ops.conv2d import Conv2d


def make_rows(kernel: int) -> Any:
    """Output rows p0 .. p1 of the batch, channel blocks b0 .. b1, for square kernels at stride 1 and 2."""
    strips = STRIPS[kernel]

    @inline
    def rows_of(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, p0, p1, b0, b1):
        h, width, out_h, out_w, _, _, stride, _, top, left, _, _ = geometry
        p = p0
        while p < p1:
            image, oy = p // out_h, p % out_h
            rows, iy = min(ROWS, p1 - p, out_h - oy), oy * stride - top
            strips(
                stride, x.ctypes.data + (image * h + iy) * width * x_stride * 4, width * x_stride, h + kernel, 0,
                max(0, -iy), h - iy, x_stride, width, left, w.ctypes.data, bias.ctypes.data,
                r.ctypes.data + p * out_w * r_stride * 4, out_w * r_stride, r_stride,
                y.ctypes.data + p * out_w * y_stride * 4, out_w * y_stride, y_stride, rows, out_w, c, b0, b1,
                lo, hi, act,
            )  # fmt: skip
            p += rows

    return rows_of


rows_3, rows_5, rows_7 = make_rows(3), make_rows(5), make_rows(7)
pixel = make_pixel(MASKS)


@inline
def rows_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, p0, p1, b0, b1):
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
                    y.ctypes.data + (to * y_stride + at) * 4, y_stride, count, lo, hi, act,
                )  # fmt: skip


@jit
def depthwise_3(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks):
    """clip(conv2d + bias + r) for 3x3 kernels."""
    rows_3(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, 0, rows, 0, blocks)


@jit
def depthwise_5(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks):
    """clip(conv2d + bias + r) for 5x5 kernels."""
    rows_5(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, 0, rows, 0, blocks)


@jit
def depthwise_7(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks):
    """clip(conv2d + bias + r) for 7x7 kernels."""
    rows_7(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, 0, rows, 0, blocks)


@jit
def depthwise_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks):
    """clip(conv2d + bias + r) for all others."""
    rows_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, 0, rows, 0, blocks)


@jit_parallel
def depthwise_3_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks, row_parts, block_parts
):
    """`depthwise_3` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        rows_3(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, p0, p1, b0, b1)


@jit_parallel
def depthwise_5_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks, row_parts, block_parts
):
    """`depthwise_5` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        rows_5(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, p0, p1, b0, b1)


@jit_parallel
def depthwise_7_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks, row_parts, block_parts
):
    """`depthwise_7` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        rows_7(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, p0, p1, b0, b1)


@jit_parallel
def depthwise_any_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks, row_parts, block_parts
):
    """`depthwise_any` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        rows_any(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, p0, p1, b0, b1)


BY_KERNEL = {
    3: (depthwise_3, depthwise_3_parallel), 5: (depthwise_5, depthwise_5_parallel),
    7: (depthwise_7, depthwise_7_parallel),
}  # fmt: skip


def fits_strips(problem: Problem) -> bool:
    """Whether the strips serve: a square kernel, one stride, and no more than half a kernel beside the image."""
    _, width, _, out_w, kh, kw, stride_h, stride, _, left, dilation_h, dilation = window_geometry(problem)
    right = (out_w - 1) * stride + kw - left - width
    plain = kh == kw and kw in STRIPS and stride == stride_h and stride in (1, 2) and dilation == dilation_h == 1
    return plain and max(left, right) <= kw // 2


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
        return single and enough and op.padding_mode == "zeros" and op.activation in FUSED

    @classmethod
    def pack(cls, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        return pack_filters(problem.params["weight"], problem.params.get("bias"))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (w, bias), geometry, threads = self.packed, window_geometry(self.problem), self.problem.threads
        r, r_stride = residual_of(inputs, y)
        rows, blocks = y.n * y.h, -(-y.c // LANES)
        args = (
            x.data, x.pixel_stride, x.c, geometry, w, bias, r, r_stride, y.data, y.pixel_stride,
            *ending(self.problem.op.activation), rows, blocks,
        )  # fmt: skip
        serial, parallel = depthwise_any, depthwise_any_parallel
        if fits_strips(self.problem):
            load(STRIPS[geometry[5]])
            serial, parallel = BY_KERNEL[geometry[5]]
        return partial(serial, *args) if threads == 1 else partial(parallel, *args, *partition(rows, blocks, threads))


KERNELS = (Depthwise,)
