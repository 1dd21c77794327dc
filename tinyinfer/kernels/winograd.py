"""Winograd convolution F(m x m, r x r): fewer multiplications for kernels of r = 3, or 5, rows and columns.

A tile of m x m outputs sees alpha x alpha inputs and needs alpha^2 products a channel instead of r^2 m^2: 16 instead of
36 for m = 2, 25 instead of 81 for m = 3, 36 instead of 144 for m = 4 (Lavin and Gray, "Fast Algorithms for
Convolutional Neural Networks", 2016); for m = 2, 36 instead of 100 with five taps, and 25 instead of 36 at stride 2.
Each of the alpha^2 positions is a matrix product over channels.  Tiles are taken in blocks, so that the transformed
inputs V and the products P of one block stay in L2; tiles at the border go through a zero-padded patch.  With dilation
the tiles are those of its grids (EncNet with ResNet-50 takes 0.77 of the time, as im2col would multiply everything).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.fused_activation import activate
from tinyinfer.kernels.gemm import L2_FLOATS, MR, NR, fill_panels, gemm, pack_bias, packed_size
from tinyinfer.kernels.grids import (
    COLUMNS,
    FIRST,
    LEFT,
    OUT_COLUMNS,
    OUT_FIRST,
    OUT_ROWS,
    ROWS,
    TOP,
    list_grids,
)
from tinyinfer.kernels.groups import group_count, joined_weight
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.memory import copy_rows, fill_rows
from tinyinfer.kernels.pages import aligned_empty
from tinyinfer.kernels.parts import own_memory, own_range
from tinyinfer.kernels.task import in_turn, task
from tinyinfer.kernels.windows import window_geometry
from tinyinfer.kernels.winograd_transforms import (
    FIVE_TAPS,
    STRIDED,
    TRANSFORMS,
    Matrices,
    distinct_rows,
    input_2x2,
    input_3x3,
    input_4x4,
    input_strided,
    output_2x2,
    output_3x3,
    output_4x4,
    output_five_taps,
    output_strided,
    products,
    transform_weights,
)
from tinyinfer.ops.conv2d import Conv2d

# floats between the matrices of two positions beyond their own: where one is a multiple of 4 KiB, as with 128 channels,
# their lines would fall on the same places of L1 (transforms of 128 channels take 0.3 to 0.6 of the time)
GAP = LANES


@inline
def transform_inputs(x, x_stride, c, geometry, grids, first, count, v, v_step, v_row, patch):
    """V of tiles first .. first + count; v is an address, its positions v_step and its tiles v_row floats apart."""
    m, alpha, stride, tiles_h, tiles_w, x_line, _, x_step = geometry
    step, x_row, x_column = m * stride, x_line * x_stride, x_step * x_stride
    for t in range(count):
        tile = first + t
        grid = tile // (tiles_h * tiles_w)
        iy, ix = tile // tiles_w % tiles_h * step - grids[grid, TOP], tile % tiles_w * step - grids[grid, LEFT]
        h, w, row, column = grids[grid, ROWS], grids[grid, COLUMNS], x_row, x_column
        source = x.ctypes.data + (grids[grid, FIRST] * x_stride + iy * row + ix * column) * 4
        if iy < 0 or ix < 0 or iy + alpha > h or ix + alpha > w:
            fill_rows(np.float32(0), patch.ctypes.data, 0, 1, alpha * alpha * c)
            j0, j1 = max(0, -ix), min(alpha, w - ix)
            for i in range(max(0, -iy), min(alpha, h - iy)):
                to = patch.ctypes.data + (i * alpha + j0) * c * 4
                copy_rows(source + (i * row + j0 * column) * 4, column, to, c, j1 - j0, c)
            source, row, column = patch.ctypes.data, alpha * c, c
        for k in range(0, c, LANES):
            to = v + (t * v_row + k) * 4
            if alpha == 6:  # of five taps too
                input_4x4(source + k * 4, row, column, c - k, to, v_step)
            elif m == 3:
                input_3x3(source + k * 4, row, column, c - k, to, v_step)
            elif stride == 1:
                input_2x2(source + k * 4, row, column, c - k, to, v_step)
            else:
                input_strided(source + k * 4, row, column, c - k, to, v_step)


@inline
def transform_outputs(
    p, p_step, p_row, n, geometry, grids, first, count, bias, r, r_stride, y, y_stride, lo, hi, act, patch
):
    """Outputs of tiles first .. first + count from their products at address p."""
    m, alpha, stride, tiles_h, tiles_w, _, y_line, y_step = geometry
    y_row, y_column, r_row, r_column = y_line * y_stride, y_step * y_stride, y_line * r_stride, y_step * r_stride
    for t in range(count):
        tile = first + t
        grid, oy, ox = tile // (tiles_h * tiles_w), tile // tiles_w % tiles_h * m, tile % tiles_w * m
        out_h, out_w = grids[grid, OUT_ROWS], grids[grid, OUT_COLUMNS]
        pixel = grids[grid, OUT_FIRST] + oy * y_line + ox * y_step
        whole = oy + m <= out_h and ox + m <= out_w
        for k in range(0, n, LANES):
            source, lanes = p + (t * p_row + k) * 4, min(LANES, n - k)
            y_at, other = y.ctypes.data + (pixel * y_stride + k) * 4, r.ctypes.data + (pixel * r_stride + k) * 4
            to, row, column, other_row, other_column = y_at, y_row, y_column, r_row, r_column
            if not whole:  # the tile goes to a patch, with its residual already there, and its real part is copied
                to, row, column = patch.ctypes.data, m * LANES, LANES
                if r_stride != 0:
                    copy_tile(other, other_row, other_column, to, row, column, m, oy, ox, out_h, out_w, lanes)
                    other, other_row, other_column = to, row, column
            b = bias.ctypes.data + k * 4
            if m == 4:
                output_4x4(source, p_step, b, other, other_row, other_column, to, row, column, lanes, lo, hi)
            elif alpha == 6:
                output_five_taps(source, p_step, b, other, other_row, other_column, to, row, column, lanes, lo, hi)
            elif m == 3:
                output_3x3(source, p_step, b, other, other_row, other_column, to, row, column, lanes, lo, hi)
            elif stride == 1:
                output_2x2(source, p_step, b, other, other_row, other_column, to, row, column, lanes, lo, hi)
            else:
                output_strided(source, p_step, b, other, other_row, other_column, to, row, column, lanes, lo, hi)
            if act != 0:
                for i in range(m):
                    activate(to + i * row * 4, column, m, lanes, act)
            if not whole:
                copy_tile(patch.ctypes.data, m * LANES, LANES, y_at, y_row, y_column, m, oy, ox, out_h, out_w, lanes)


@inline
def copy_tile(source, row, column, to, to_row, to_column, m, oy, ox, out_h, out_w, lanes):
    """What of a tile of m x m pixels lies inside its grid; addresses, and distances between rows and columns."""
    for i in range(min(m, out_h - oy)):
        copy_rows(source + i * row * 4, column, to + i * to_row * 4, to_column, min(m, out_w - ox), lanes)


@inline
def multiply(part, parts, v, v_step, v_row, count, c, u, u_step, zeros, p, p_step, p_row, n, groups, pairs):
    """A part of P = V @ U for ``count`` tiles, at pairs of a matrix of U and a position of V and P, in whole panels."""
    k, n_group, u_group = c // groups, n // groups, u_step // groups
    panels = -(-n_group // NR)
    first, last = own_range(part, len(pairs) * groups * panels, parts)
    for i in range(first // panels, -(-last // panels)):
        (matrix, at), g = pairs[i // groups], i % groups
        n0, n1 = max(0, first - i * panels) * NR, min(n_group, (last - i * panels) * NR)
        gemm(
            v + (at * v_step + g * k) * 4, v_row, count, k, u + (matrix * u_step + g * u_group + n0 * k) * 4, zeros,
            v, 0, p + (at * p_step + g * n_group + n0) * 4, p_row, n1 - n0, np.float32(-np.inf), np.float32(np.inf), 0,
        )  # fmt: skip


@task
def winograd(
    part, parts, x, x_stride, c, geometry, grids, u, pairs, zeros, bias, r, r_stride, y, y_stride, n, groups, lo, hi,
    act, scratch, block, tiles,
):  # fmt: skip
    """clip(conv2d + bias + r) in blocks of tiles of m x m outputs, each part with its own scratch."""
    scratch, (t0, t1) = own_memory(part, scratch, parts), own_range(part, tiles, parts)
    positions, u_step = len(pairs), u.size // (pairs[-1, 0] + 1)  # the last pair has the last matrix
    v_row, p_row = -(-c // LANES) * LANES, -(-n // LANES) * LANES
    v_step, p_step = block * v_row + GAP, block * p_row + GAP
    v = scratch.ctypes.data
    p = v + positions * v_step * 4
    patch = scratch[positions * (v_step + p_step) :]
    for first in range(t0, t1, block):
        count = min(block, t1 - first)
        transform_inputs(x, x_stride, c, geometry, grids, first, count, v, v_step, v_row, patch)
        multiply(
            0, 1, v, v_step, v_row, count, c, u.ctypes.data, u_step, zeros.ctypes.data, p, p_step, p_row, n, groups,
            pairs,
        )  # fmt: skip
        transform_outputs(
            p, p_step, p_row, n, geometry, grids, first, count, bias, r, r_stride, y, y_stride, lo, hi, act, patch
        )


@task
def winograd_one_block(
    part, parts, phase, x, x_stride, c, geometry, grids, u, pairs, zeros, bias, r, r_stride, y, y_stride, n, groups,
    lo, hi, act, scratch, tiles,
):  # fmt: skip
    """`winograd` of a single block in three phases: parts share tiles to be transformed, panels to be multiplied.

    So every panel of U is read by one thread alone, which matters where U is large.
    """
    positions, u_step = len(pairs), u.size // (pairs[-1, 0] + 1)  # the last pair has the last matrix
    v_row, p_row = -(-c // LANES) * LANES, -(-n // LANES) * LANES
    v_step, p_step = tiles * v_row + GAP, tiles * p_row + GAP
    v = scratch.ctypes.data
    p = v + positions * v_step * 4
    patch = own_memory(part, scratch[positions * (v_step + p_step) :], parts)
    first, last = own_range(part, tiles, parts)
    if phase == 0:
        v_at = v + first * v_row * 4
        transform_inputs(x, x_stride, c, geometry, grids, first, last - first, v_at, v_step, v_row, patch)
    elif phase == 1:
        multiply(
            part, parts, v, v_step, v_row, tiles, c, u.ctypes.data, u_step, zeros.ctypes.data, p, p_step, p_row, n,
            groups, pairs,
        )  # fmt: skip
    else:
        transform_outputs(
            p + first * p_row * 4, p_step, p_row, n, geometry, grids, first, last - first, bias, r, r_stride, y,
            y_stride, lo, hi, act, patch,
        )  # fmt: skip


class _Winograd(Kernel):
    """Square kernels, zero padding, dilation at stride 1; m x m outputs a tile."""

    op = "conv2d"
    matrices: ClassVar[Matrices]
    stride: ClassVar[int] = 1

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        (batch, c), (n, out_h, out_w) = problem.inputs[0][:2], problem.outputs[0][1:]
        down, across = problem.op.dilation  # type: ignore[attr-defined]
        self.groups = group_count(problem)
        self.m, self.alpha = self.matrices[2].shape
        self.tiles_h, self.tiles_w = -(-out_h // (down * self.m)), -(-out_w // (across * self.m))  # of the largest grid
        self.tiles = batch * down * across * self.tiles_h * self.tiles_w
        v_row, p_row, positions = -(-c // LANES) * LANES, -(-n // LANES) * LANES, self.alpha**2
        fitting = max(1, L2_FLOATS // (positions * (v_row + p_row)) // MR) * MR
        weights = c * n // self.groups  # of a position; if they outweigh its tiles, they stream by for too little
        fitting = max(fitting, weights // (c + n) // MR * MR)
        patch = -(-max(positions * c, self.m**2 * LANES) // LANES) * LANES
        large = positions * weights > L2_FLOATS  # else both threads may as well read all: 0.985 of DenseNet's time
        self.one_block = problem.threads > 1 and large and self.tiles <= fitting * problem.threads
        self.block = self.tiles if self.one_block else min(fitting, -(-self.tiles // problem.threads))
        parts = 1 if self.one_block else problem.threads
        self.scratch_floats = positions * (self.block * (v_row + p_row) + 2 * GAP) * parts + patch * problem.threads

    @classmethod
    def taps(cls) -> int:
        """Rows and columns of the kernel."""
        return int(cls.matrices[1].shape[1])

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        plain = op.padding_mode == "zeros" and op.activation in FUSED
        fits = problem.params["weight"].shape[2:] == (cls.taps(), cls.taps())
        return plain and fits and op.stride == (cls.stride, cls.stride) and (cls.stride == 1 or op.dilation == (1, 1))

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weight = joined_weight(layer)
        groups, n, c = weight.shape[:3]
        size, count = packed_size(c, n), len(distinct_rows(cls.matrices[1])[0]) ** 2
        packed = aligned_empty(count * groups * size).reshape(count, groups, size)
        for g, start in itertools.product(range(groups), range(0, n, NR)):  # a panel at a time: else U is there twice
            for matrix, u in zip(packed, transform_weights(weight[g, start : start + NR], cls.matrices), strict=True):
                fill_panels(matrix[g, start * c :], u)
        return packed.reshape(-1), pack_bias(None, n), pack_bias(layer.params.get("bias"), groups * n)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        op, (u, zeros, bias), threads = self.problem.op, self.packed, self.problem.threads
        assert isinstance(op, Conv2d)
        down, across = op.dilation
        lines = down * x.w, down * y.w  # pixels from a grid's row to the next
        geometry = (self.m, self.alpha, self.stride, self.tiles_h, self.tiles_w, *lines, across)
        args = (
            x.data, x.pixel_stride, x.c, geometry, list_grids(x.n, window_geometry(self.problem)), u,
            products(self.matrices), zeros, bias, *residual_of(inputs, y), y.data, y.pixel_stride, y.c, self.groups,
            *ending(op.activation), scratch,
        )  # fmt: skip
        if self.one_block:
            return in_turn([winograd_one_block.bind(threads, phase, *args, self.tiles) for phase in range(3)])
        return winograd.bind(threads, *args, self.block, self.tiles)


class Winograd2x2(_Winograd):
    """F(2x2, 3x3): 2.25 times fewer multiplications, the smaller error."""

    name = "winograd2x2"
    matrices = TRANSFORMS[2]


class Winograd3x3(_Winograd):
    """F(3x3, 3x3): 3.24 times fewer multiplications, with two thirds of the weights of F(4x4)."""

    name = "winograd3x3"
    tolerance = 6e-5  # constants up to 4: half of the error of F(4x4)
    matrices = TRANSFORMS[3]


class Winograd4x4(_Winograd):
    """F(4x4, 3x3): 4 times fewer multiplications."""

    name = "winograd4x4"
    tolerance = 1e-4  # the transform's constants up to 8 cost about one decimal digit (Lavin and Gray, section 5.3)
    matrices = TRANSFORMS[4]


class WinogradFiveTaps(_Winograd):
    """F(2x2, 5x5): 2.78 times fewer multiplications."""

    name = "winograd_5x5"
    tolerance = 1e-4  # the constants of F(4x4, 3x3)
    matrices = FIVE_TAPS


class WinogradStrided(_Winograd):
    """F(2x2, 3x3) at stride 2: 1.44 times fewer multiplications."""

    name = "winograd_strided"
    matrices, stride = STRIDED, 2


KERNELS = (Winograd2x2, Winograd3x3, Winograd4x4, WinogradFiveTaps, WinogradStrided)
