"""Any convolution as im2col and GEMM, a block of output pixels at a time.

The windows of one block, or where they are long some rows of them at a time, are copied side by side into workspace
that stays in L2, then multiplied: the whole im2col matrix, kernel_height * kernel_width times the input, never exists
(Chellapilla et al. 2006; lesson 02).  Groups follow one another over the same workspace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Epilogue, Groups, Rows, plain_sum
from tinyinfer.kernels.arguments.windows import Geometry, tap_range, window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.memory import copy_rows, fill_rows
from tinyinfer.kernels.matmul.gemm import MR, NR, block_rows, few_rows, gemm_part, pack_bias, pack_panels
from tinyinfer.kernels.matmul.joined_groups import group_count, joined_weight
from tinyinfer.kernels.parallel.parts import own_memory, own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.convolution.conv2d import Conv2d

SLICE = 2048  # of K at a time: longer panels leave L2 no room for the next one


def slice_rows(c: int, kh: int, kw: int) -> int:
    """Rows of a kernel that are gathered and multiplied at a time, for so many channels."""
    slices = -(-kh // max(1, SLICE // (kw * c)))
    return -(-kh // slices)


class Blocking(NamedTuple):
    """How a product is taken apart: pixels of the batch and of a block, rows of a kernel, and whether by panels."""

    pixels: int
    block: int
    slice_rows: int
    by_panels: bool


@inline
def gather(x, c, geometry, i0, i1, first, count, columns):
    """Copy rows i0 .. i1 of the windows of pixels first .. first + count into columns[count, (i1 - i0) * kw * c]."""
    h, w, out_h, out_w, _, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    zero, to = np.float32(0), columns
    for p in range(first, first + count):
        image, oy, ox = p // (out_h * out_w), p // out_w % out_h, p % out_w
        ix = ox * stride_w - left
        j0, j1 = tap_range(ix, w, kw, dilation_w)
        for i in range(i0, i1):
            iy = oy * stride_h - top + i * dilation_h
            if 0 <= iy < h:
                at = x.at((image * h + iy) * w + ix + j0 * dilation_w)
                fill_rows(zero, to, 0, 1, j0 * c)
                copy_rows(at.address, dilation_w * x.stride, to + j0 * c * 4, c, j1 - j0, c)
                fill_rows(zero, to + j1 * c * 4, 0, 1, (kw - j1) * c)
            else:
                fill_rows(zero, to, 0, 1, kw * c)
            to += kw * c * 4


@task
def im2col(
    part, parts, x: Rows, groups: Groups, geometry: Geometry, w, y: Rows, epilogue: Epilogue, blocking: Blocking,
    workspace,
):  # fmt: skip
    """clip(conv2d + bias + residual) in whole tiles, each part with its own workspace."""
    pixels, block, slice_rows, by_panels = blocking
    columns, (p0, p1) = np.intp(own_memory(part, workspace, parts).ctypes.data), own_units(part, pixels, MR, parts)
    piece, pieces = 0, 1
    if by_panels:
        piece, pieces, p0, p1 = part, parts, 0, pixels  # which every part gathers
    count, c, n = groups
    kh, row = geometry.kh, geometry.kw * c
    w_group, bias_bytes, n_packed = w.size // count, -(-n // NR) * NR * 4, w.size // (count * kh * row)
    zeros = epilogue.bias + count * bias_bytes
    for first in range(p0, p1, block):
        rows = min(block, p1 - first)
        for g in range(count):
            w_at, to = np.intp(w.ctypes.data) + g * w_group * 4, y.at(first, g * n)
            last = epilogue.at(first, g * n).with_bias(epilogue.bias + g * bias_bytes)
            bias, residual = last.bias, last.residual
            for i0 in range(0, kh, slice_rows):  # every slice adds to the sums of those before
                i1 = min(kh, i0 + slice_rows)
                k = (i1 - i0) * row
                gather(x.at(0, g * c), c, geometry, i0, i1, first, rows, columns)
                own = Epilogue(bias, residual, last.lo, last.hi, last.act) if i1 == kh else plain_sum(bias, residual)
                gemm_part(piece, pieces, Rows(columns, k), rows, k, w_at, to, n, own)
                w_at, bias, residual = w_at + k * n_packed * 4, zeros, to


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
        self.workspace_floats = self.block * k * problem.threads

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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        op, (w, bias), threads, n = self.problem.op, self.packed, self.problem.threads, y.c // self.groups
        by_panels = n >= 2 * NR and few_rows(y.pixels, threads)  # else gathering in every part costs more
        return im2col.bind(
            threads, Rows.of(x), Groups(self.groups, x.c // self.groups, n), window_geometry(self.problem), w,
            Rows.of(y), Epilogue.of(op.activation, bias, inputs, y),
            Blocking(y.pixels, self.block, self.slice_rows, by_panels), workspace,
        )  # fmt: skip


KERNELS = (Im2col,)
