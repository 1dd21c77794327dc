"""Deformable convolution as interpolated im2col and GEMM, a block of output pixels at a time.

What each tap of each window sees, interpolated between four pixels, is written side by side into scratch that stays
in L2; the matrix product is then that of any convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.arguments import Epilogue, Rows, Segments
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.endings import clip_bounds
from tinyinfer.kernels.gemm import BLOCK_FLOATS, MR, gemm_segments, pack_bias, pack_panels
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.parts import own_memory, own_units
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
from tinyinfer.ops.deform_conv2d import DeformConv2d


@vector_function(
    a="address", b="address", c="address", d="address", share_a="float", share_b="float", share_c="float",
    share_d="float", y="address", blocks="int", rest="int",
)  # fmt: skip
def blend(v, a, b, c, d, share_a, share_b, share_c, share_d, y, blocks, rest):
    """y = a * share_a + b * share_b + c * share_c + d * share_d over ``blocks`` vectors and ``rest`` lanes."""
    pixels = [(a, share_a), (b, share_b), (c, share_c), (d, share_d)]

    def mix(load, at):
        total = v.constant(0)
        for address, share in pixels:
            total = v.fma(load(address, at), v.broadcast(share), total)
        return total

    with v.loop(blocks) as block:
        v.store(mix(v.load, block * LANES), y, block * LANES)
    with v.when(rest != 0):
        mask, at = v.mask(rest), blocks * LANES
        v.store_masked(mix(lambda address, offset: v.load_masked(address, offset, mask), at), y, at, mask)


@inline
def look(x, x_stride, h, w, image, channel, c, row, column, weight, to):
    """What a tap sees of ``c`` channels at a fractional place, times ``weight``; zero outside the image."""
    if not (row > -1 and row < h and column > -1 and column < w):  # also where it is no number
        blend(
            x.ctypes.data, x.ctypes.data, x.ctypes.data, x.ctypes.data,
            np.float32(0), np.float32(0), np.float32(0), np.float32(0), to, c // LANES, c % LANES,
        )  # fmt: skip
        return
    top, left = int(np.floor(row)), int(np.floor(column))
    down, right = np.float32(row - top), np.float32(column - left)
    up, back = (np.float32(1) - down) * weight, np.float32(1) - right
    down *= weight
    # a row or column outside has no share; the pixel read in its place is any
    if top < 0:
        up = np.float32(0)
    if top + 1 >= h:
        down = np.float32(0)
    if left < 0:
        back = np.float32(0)
    if left + 1 >= w:
        right = np.float32(0)
    y0, y1, x0, x1 = max(top, 0), min(top + 1, h - 1), max(left, 0), min(left + 1, w - 1)
    base = x.ctypes.data + (image * h * w * x_stride + channel) * 4
    blend(
        base + (y0 * w + x0) * x_stride * 4, base + (y0 * w + x1) * x_stride * 4,
        base + (y1 * w + x0) * x_stride * 4, base + (y1 * w + x1) * x_stride * 4,
        up * back, up * right, down * back, down * right, to, c // LANES, c % LANES,
    )  # fmt: skip


@task
def deform(
    part, parts, x, x_stride, channels, geometry, offset, o_stride, mask, m_stride, w, bias, y, y_stride, n, groups,
    offset_groups, lo, hi, scratch, block, pixels,
):  # fmt: skip
    """Output pixels in whole tiles; columns[count, kh * kw * channels] hold what the windows of a block see."""
    columns, (p0, p1) = own_memory(part, scratch, parts), own_units(part, pixels, MR, parts)
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    taps, run, c = kh * kw, channels // offset_groups, channels // groups
    for first in range(p0, p1, block):
        count = min(block, p1 - first)
        for p in range(first, first + count):
            image, oy, ox = p // (out_h * out_w), p // out_w % out_h, p % out_w
            for tap in range(taps):
                i, j = tap // kw, tap % kw
                to = columns.ctypes.data + ((p - first) * taps + tap) * channels * 4
                for g in range(offset_groups):
                    at = g * taps + tap
                    row = oy * stride_h - top + i * dilation_h + offset[p * o_stride + 2 * at]
                    column = ox * stride_w - left + j * dilation_w + offset[p * o_stride + 2 * at + 1]
                    weight = mask[p * m_stride + at] if m_stride else np.float32(1)
                    look(x, x_stride, h, width, image, g * run, run, row, column, weight, to + g * run * 4)
        for g in range(groups):
            out = y.ctypes.data + (first * y_stride + g * n) * 4
            own_bias = np.intp(bias.ctypes.data) + g * (bias.size // groups) * 4
            gemm_segments(
                Rows(columns.ctypes.data + g * c * 4, taps * channels), count, Segments(taps, channels, c),
                w.ctypes.data + g * (w.size // groups) * 4, Rows(out, y_stride), n,
                Epilogue(own_bias, Rows(out, 0), lo, hi, 0),
            )  # fmt: skip


class DeformIm2col(Kernel):
    """Any deformable convolution, with or without a mask."""

    op = "deform_conv2d"
    name = "im2col"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, packed)
        r, s = problem.params["weight"].shape[2:]
        k, pixels = r * s * problem.inputs[0][1], problem.outputs[0][0] * int(np.prod(problem.outputs[0][2:]))
        self.block = min(max(1, BLOCK_FLOATS // k // MR) * MR, -(-pixels // MR) * MR)
        self.scratch_floats = self.block * k * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        op: Any = layer.op
        weight, bias = layer.params["weight"], layer.params.get("bias")
        rows = weight.transpose(0, 2, 3, 1).reshape(op.groups, len(weight) // op.groups, -1)
        biases = [None] * op.groups if bias is None else np.split(bias, op.groups)
        return pack_panels(*rows.transpose(0, 2, 1)), np.concatenate([pack_bias(b, rows.shape[1]) for b in biases])

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, offset, *mask = inputs
        (y,), op, (w, bias), threads = outputs, self.problem.op, self.packed, self.problem.threads
        assert isinstance(op, DeformConv2d)
        kernel = self.problem.params["weight"].shape[2:]
        top, _, left, _ = op.pads((x.h, x.w), kernel)
        geometry = (x.h, x.w, y.h, y.w, *kernel, *op.stride, top, left, *op.dilation)
        given, m_stride = (mask[0].data, mask[0].pixel_stride) if mask else (offset.data, 0)
        return deform.bind(
            threads, x.data, x.pixel_stride, x.c, geometry, offset.data, offset.pixel_stride, given, m_stride, w, bias,
            y.data, y.pixel_stride, y.c // op.groups, op.groups, op.offset_groups, *clip_bounds(None), scratch,
            self.block, y.pixels,
        )  # fmt: skip


KERNELS = (DeformIm2col,)
