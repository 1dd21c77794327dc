"""Any convolution as im2col and GEMM, a block of output pixels at a time.

The windows of one block, or where they are long some rows of them at a time, are copied side by side into scratch
that stays in L2, then multiplied: the whole im2col matrix, kernel_height * kernel_width times the input, never exists
(Chellapilla et al. 2006; lesson 02).  Groups follow one another over the same scratch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.gemm import MR, NR, block_rows, few_rows, gemm_part, pack_bias, pack_panels
from tinyinfer.kernels.groups import group_count, joined_weight
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.memory import copy_rows, fill_rows
from tinyinfer.kernels.parts import own_memory, own_units
from tinyinfer.kernels.task import task
from tinyinfer.kernels.windows import tap_range, window_geometry
from tinyinfer.ops.conv2d import Conv2d

SLICE = 2048  # of K at a time: longer panels leave L2 no room for the next one (1.5 times as long on ResNet-50)


def slice_rows(c: int, kh: int, kw: int) -> int:
    """Rows of a kernel that are gathered and multiplied at a time, for so many channels."""
    slices = -(-kh // max(1, SLICE // (kw * c)))
    return -(-kh // slices)


@inline
def gather(x, geometry, x_stride, channel, c, i0, i1, first, count, columns):
    """Copy rows i0 .. i1 of the windows of pixels first .. first + count into columns[count, (i1 - i0) * kw * c]."""
    h, w, out_h, out_w, _, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    zero, to = np.float32(0), columns.ctypes.data
    for p in range(first, first + count):
        image, oy, ox = p // (out_h * out_w), p // out_w % out_h, p % out_w
        ix = ox * stride_w - left
        j0, j1 = tap_range(ix, w, kw, dilation_w)
        for i in range(i0, i1):
            iy = oy * stride_h - top + i * dilation_h
            if 0 <= iy < h:
                at = ((image * h + iy) * w + ix + j0 * dilation_w) * x_stride + channel
                fill_rows(zero, to, 0, 1, j0 * c)
                copy_rows(x.ctypes.data + at * 4, dilation_w * x_stride, to + j0 * c * 4, c, j1 - j0, c)
                fill_rows(zero, to + j1 * c * 4, 0, 1, (kw - j1) * c)
            else:
                fill_rows(zero, to, 0, 1, kw * c)
            to += kw * c * 4


@task
def im2col(
    part, parts, x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, pixels, n, groups, lo, hi, act, scratch,
    slice_rows, block, by_panels,
):  # fmt: skip
    """clip(conv2d + bias + r) in whole tiles, each part with its own scratch; ``c`` and ``n`` are of one group."""
    columns, (p0, p1) = own_memory(part, scratch, parts), own_units(part, pixels, MR, parts)
    piece, pieces = 0, 1
    if by_panels:
        piece, pieces, p0, p1 = part, parts, 0, pixels  # which every part gathers
    kh, row = geometry[4], geometry[5] * c
    w_group, b_group, n_packed = w.size // groups, bias.size // (groups + 1), w.size // (groups * kh * row)
    zeros = bias.ctypes.data + groups * b_group * 4
    minus, plus = np.float32(-np.inf), np.float32(np.inf)
    for first in range(p0, p1, block):
        count = min(block, p1 - first)
        for g in range(groups):
            w_at, b_at = w.ctypes.data + g * w_group * 4, bias.ctypes.data + g * b_group * 4
            to = y.ctypes.data + (first * y_stride + g * n) * 4
            r_at, sum_stride = r.ctypes.data + (first * r_stride + g * n) * 4, r_stride
            for i0 in range(0, kh, slice_rows):  # every slice adds to the sums of those before
                i1 = min(kh, i0 + slice_rows)
                k, last = (i1 - i0) * row, i1 == kh
                gather(x, geometry, x_stride, g * c, c, i0, i1, first, count, columns)
                gemm_part(
                    piece, pieces, columns.ctypes.data, k, count, k, w_at, b_at, r_at, sum_stride, to, y_stride, n,
                    lo if last else minus, hi if last else plus, act if last else 0,
                )  # fmt: skip
                w_at, b_at, r_at, sum_stride = w_at + k * n_packed * 4, zeros, to, y_stride


class Im2col(Kernel):
    """Every conv2d with zero padding: any stride, padding, dilation and groups."""

    op = "conv2d"
    name = "im2col"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, packed)
        (batch, c), (n, out_h, out_w) = problem.inputs[0][:2], problem.outputs[0][1:]
        self.groups, (kh, kw) = group_count(problem), problem.params["weight"].shape[2:]
        self.slice_rows = slice_rows(c // self.groups, kh, kw)
        k = self.slice_rows * kw * c // self.groups
        self.block = min(block_rows(k, n // self.groups), -(-batch * out_h * out_w // MR) * MR)
        self.scratch_floats = self.block * k * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Conv2d)
        return problem.op.padding_mode == "zeros" and problem.op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight, bias = joined_weight(layer), layer.params.get("bias")
        groups, n, c, kh, kw = weight.shape
        step = slice_rows(c, kh, kw)
        biases = np.split(bias, groups) if bias is not None else [None] * groups
        slices = [w[:, :, i : i + step].transpose(2, 3, 1, 0) for w in weight for i in range(0, kh, step)]
        zeros = pack_bias(None, n)  # what every slice but the first has for a bias
        return pack_panels(*slices), np.concatenate([*(pack_bias(b, n) for b in biases), zeros])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        op, (w, bias), threads, n = self.problem.op, self.packed, self.problem.threads, y.c // self.groups
        by_panels = n >= 2 * NR and few_rows(y.pixels, threads)  # else gathering in every part takes 1.2 times as long
        return im2col.bind(
            threads, x.data, x.pixel_stride, x.c // self.groups, window_geometry(self.problem), w, bias,
            *residual_of(inputs, y), y.data, y.pixel_stride, y.pixels, n, self.groups, *ending(op.activation), scratch,
            self.slice_rows, self.block, by_panels,
        )  # fmt: skip


KERNELS = (Im2col,)
