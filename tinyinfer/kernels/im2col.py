"""Any convolution as im2col and GEMM, a block of output pixels at a time.

The windows of one block are copied side by side into scratch that stays in L2, then multiplied: the whole
im2col matrix, kernel_height * kernel_width times the input, never exists (Chellapilla et al. 2006; lesson 02).
Groups follow one another over the same scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import BLOCK_FLOATS, MR, gemm, pack_bias, pack_panels
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.kernels.memory import copy_rows, fill_rows
from tinyinfer.kernels.windows import tap_range, window_geometry
from tinyinfer.ops.conv2d import Conv2d


@inline
def gather(x, geometry, x_stride, channel, c, first, count, columns):
    """Copy the windows of output pixels first .. first + count into columns[count, kh * kw * c]."""
    h, w, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    zero, to = np.float32(0), columns.ctypes.data
    for p in range(first, first + count):
        image, oy, ox = p // (out_h * out_w), p // out_w % out_h, p % out_w
        ix = ox * stride_w - left
        j0, j1 = tap_range(ix, w, kw, dilation_w)
        for i in range(kh):
            iy = oy * stride_h - top + i * dilation_h
            if 0 <= iy < h:
                at = ((image * h + iy) * w + ix + j0 * dilation_w) * x_stride + channel
                fill_rows(zero, to, 0, 1, j0 * c)
                copy_rows(x.ctypes.data + at * 4, dilation_w * x_stride, to + j0 * c * 4, c, j1 - j0, c)
                fill_rows(zero, to + j1 * c * 4, 0, 1, (kw - j1) * c)
            else:
                fill_rows(zero, to, 0, 1, kw * c)
            to += kw * c * 4


@inline
def im2col_range(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, columns, block, p0, p1
):
    """Output pixels p0 .. p1 of all groups; ``c`` and ``n`` are channels of one group."""
    k = geometry[4] * geometry[5] * c
    w_group = w.size // groups
    b_group = bias.size // groups
    for first in range(p0, p1, block):
        count = min(block, p1 - first)
        for g in range(groups):
            gather(x, geometry, x_stride, g * c, c, first, count, columns)
            gemm(
                columns.ctypes.data, k, count, k, w.ctypes.data + g * w_group * 4, bias.ctypes.data + g * b_group * 4,
                r.ctypes.data + (first * r_stride + g * n) * 4, r_stride,
                y.ctypes.data + (first * y_stride + g * n) * 4, y_stride, n, lo, hi, act,
            )  # fmt: skip


@jit
def im2col(x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, pixels, n, groups, lo, hi, act, scratch, block):
    """clip(conv2d + bias + r) over all output pixels."""
    im2col_range(
        x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, scratch, block, 0, pixels
    )


@jit_parallel
def im2col_parallel(
    x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, pixels, n, groups, lo, hi, act, scratch, block, threads
):
    """`im2col` with the output pixels dealt out in whole tiles; each thread has its own part of the scratch."""
    tiles, part = -(-pixels // MR), scratch.size // threads
    for t in prange(threads):
        p0, p1 = tiles * t // threads * MR, min(pixels, tiles * (t + 1) // threads * MR)
        columns = scratch[t * part : (t + 1) * part]
        im2col_range(
            x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, n, groups, lo, hi, act, columns, block, p0, p1
        )


class Im2col(Kernel):
    """Every conv2d with zero padding: any stride, padding, dilation and groups."""

    op = "conv2d"
    name = "im2col"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, packed)
        _, c, r, s = problem.params["weight"].shape
        pixels = int(np.prod([problem.outputs[0][i] for i in (0, 2, 3)]))
        self.block = min(max(1, BLOCK_FLOATS // (c * r * s) // MR) * MR, -(-pixels // MR) * MR)
        self.scratch_floats = self.block * c * r * s * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Conv2d)
        return problem.op.padding_mode == "zeros" and problem.op.activation in FUSED

    @classmethod
    def pack(cls, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        weight, groups = problem.params["weight"], problem.op.groups
        bias = problem.params.get("bias")
        n = weight.shape[0] // groups
        rows = weight.transpose(0, 2, 3, 1).reshape(groups, n, -1)  # (groups, n, kh * kw * c)
        biases = np.split(bias, groups) if bias is not None else [None] * groups
        return (
            np.concatenate([pack_panels(group.T) for group in rows]) if groups > 1 else pack_panels(rows[0].T),
            np.concatenate([pack_bias(b, n) for b in biases]) if groups > 1 else pack_bias(bias, n),
        )

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        op, (w, bias), threads = self.problem.op, self.packed, self.problem.threads
        r, r_stride = residual_of(inputs, y)
        args = (
            x.data, x.pixel_stride, x.c // op.groups, window_geometry(self.problem), w, bias, r, r_stride,
            y.data, y.pixel_stride, y.pixels, y.c // op.groups, op.groups,
            *ending(op.activation), scratch, self.block,
        )  # fmt: skip
        return partial(im2col, *args) if threads == 1 else partial(im2col_parallel, *args, threads)


KERNELS = (Im2col,)
