"""Deformable convolution as interpolated im2col and GEMM, a block of output pixels at a time.

What each tap of each window sees, interpolated between four pixels, is written side by side into workspace that stays
in L2; the matrix product is then that of any convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, Groups, Rows, Segments, plain_sum
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.matmul.gemm import BLOCK_FLOATS, MR, gemm_segments, pack_bias, pack_panels
from tinyinfer.kernels.parallel.parts import own_memory, own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.deform_conv2d import DeformConv2d


class Corners(NamedTuple):
    """The four pixels around a place, in reading order."""

    top_left: Address
    top_right: Address
    bottom_left: Address
    bottom_right: Address


class Shares(NamedTuple):
    """How much each of the four pixels counts."""

    top_left: float
    top_right: float
    bottom_left: float
    bottom_right: float


@vector_function(corners=Corners, shares=Shares, y="address", channels="int")
def weighted_sum(v, corners, shares, y, channels):
    """The sum of four pixels, each times its share."""
    end = channels // LANES * LANES

    def mix(load, at):
        total = v.constant(0)
        for address, share in zip(corners, shares, strict=True):
            total = v.fma(load(address, at), v.broadcast(share), total)
        return total

    with v.loop(end, LANES) as at:
        v.store(mix(v.load, at), y, at)
    with v.when(channels != end):
        mask = v.mask(channels - end)
        v.store_masked(mix(lambda address, offset: v.load_masked(address, offset, mask), end), y, end, mask)


@inline
def bilinear_sample(x, h, w, row, column, weight, channels, to):
    """Some channels of an image at a fractional place, times ``weight``; zero outside of it."""
    zero, one = np.float32(0), np.float32(1)
    if not (row > -1 and row < h and column > -1 and column < w):  # also where it is no number
        weighted_sum(Corners(x.address, x.address, x.address, x.address), Shares(zero, zero, zero, zero), to, channels)
        return
    top, left = int(np.floor(row)), int(np.floor(column))
    down, right = np.float32(row - top), np.float32(column - left)
    up, back = (one - down) * weight, one - right
    down *= weight
    # a row or column outside has no share; the pixel read in its place is any
    if top < 0:
        up = zero
    if top + 1 >= h:
        down = zero
    if left < 0:
        back = zero
    if left + 1 >= w:
        right = zero
    y0, y1, x0, x1 = max(top, 0), min(top + 1, h - 1), max(left, 0), min(left + 1, w - 1)
    above, below = x.at(y0 * w), x.at(y1 * w)
    corners = Corners(above.at(x0).address, above.at(x1).address, below.at(x0).address, below.at(x1).address)
    weighted_sum(corners, Shares(up * back, up * right, down * back, down * right), to, channels)


class Offsets(NamedTuple):
    """Where taps look beside their places and what they count, a pixel of numbers an output; a mask's stride 0: 1."""

    offset: np.ndarray
    stride: int
    mask: np.ndarray
    mask_stride: int
    groups: int  # of channels with offsets of their own


class Filters(NamedTuple):
    """Panels and biases of all groups, one after the other."""

    panels: np.ndarray
    bias: np.ndarray


@inline
def gather(x, channels, geometry, offsets, first, count, columns):
    """Copy what the windows of pixels first .. first + count see into columns[count, kh * kw * channels]."""
    h, w, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    offset, stride, mask, mask_stride, groups = offsets
    taps, run = kh * kw, channels // groups
    for p in range(first, first + count):
        image, oy, ox = p // (out_h * out_w), p // out_w % out_h, p % out_w
        for tap in range(taps):
            i, j = tap // kw, tap % kw
            to = columns + ((p - first) * taps + tap) * channels * 4
            for g in range(groups):
                at = g * taps + tap
                row = oy * stride_h - top + i * dilation_h + offset[p * stride + 2 * at]
                column = ox * stride_w - left + j * dilation_w + offset[p * stride + 2 * at + 1]
                weight = mask[p * mask_stride + at] if mask_stride else np.float32(1)
                bilinear_sample(x.at(image * h * w, g * run), h, w, row, column, weight, run, to + g * run * 4)


@task
def deform(
    part, parts, x: Rows, groups: Groups, geometry: Geometry, offsets: Offsets, filters: Filters, y: Rows, pixels,
    workspace,
):  # fmt: skip
    """deform_conv2d + bias in whole tiles, as many in a block as each part's workspace has room for."""
    own, (p0, p1) = own_memory(part, workspace, parts), own_units(part, pixels, MR, parts)
    columns = np.intp(own.ctypes.data)
    number, c, n = groups
    taps = geometry.kh * geometry.kw
    k = taps * number * c
    block = own.size // k
    panels, w_group = np.intp(filters.panels.ctypes.data), filters.panels.size // number
    biases, bias_group = np.intp(filters.bias.ctypes.data), filters.bias.size // number
    for first in range(p0, p1, block):
        count = min(block, p1 - first)
        gather(x, number * c, geometry, offsets, first, count, columns)
        for g in range(number):
            out = y.at(first, g * n)
            gemm_segments(
                Rows(columns + g * c * 4, k), count, Segments(taps, number * c, c), panels + g * w_group * 4, out, n,
                plain_sum(biases + g * bias_group * 4, Rows(out.address, 0)),
            )  # fmt: skip


class DeformIm2col(Kernel):
    """Any deformable convolution, with or without a mask."""

    op = "deform_conv2d"
    name = "im2col"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, packed)
        r, s = problem.params["weight"].shape[2:]
        k, pixels = r * s * problem.inputs[0][1], problem.outputs[0][0] * int(np.prod(problem.outputs[0][2:]))
        block = min(max(1, BLOCK_FLOATS // k // MR) * MR, -(-pixels // MR) * MR)
        self.workspace_floats = block * k * problem.threads

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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, offset, *mask = inputs
        (y,), op, threads = outputs, self.problem.op, self.problem.threads
        assert isinstance(op, DeformConv2d)
        kernel = self.problem.params["weight"].shape[2:]
        top, _, left, _ = op.pads((x.h, x.w), kernel)
        geometry = Geometry(x.h, x.w, y.h, y.w, *kernel, *op.stride, top, left, *op.dilation)
        given, mask_stride = (mask[0].data, mask[0].pixel_stride) if mask else (offset.data, 0)
        offsets = Offsets(offset.data, offset.pixel_stride, given, mask_stride, op.offset_groups)
        groups = Groups(op.groups, x.c // op.groups, y.c // op.groups)
        return deform.bind(
            threads, Rows.of(x), groups, geometry, offsets, Filters(*self.packed), Rows.of(y), y.pixels, workspace
        )


KERNELS = (DeformIm2col,)
