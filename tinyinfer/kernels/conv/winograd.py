"""Winograd convolution F(m x m, r x r): fewer multiplications for kernels of r = 3, or 5, rows and columns.

A tile of m x m outputs sees alpha x alpha inputs and needs alpha^2 products a channel instead of r^2 m^2: 16 instead of
36 for m = 2, 25 instead of 81 for m = 3, 36 instead of 144 for m = 4 (Lavin and Gray, "Fast Algorithms for
Convolutional Neural Networks", 2016); for m = 2, 36 instead of 100 with five taps, and 25 instead of 36 at stride 2.
Each of the alpha^2 positions is a matrix product over channels.  Tiles are taken in blocks, so that the transformed
inputs V and the products P of one block stay in L2; tiles at the border go through a zero-padded patch.  With dilation
the tiles are those of its grids, where im2col would multiply everything.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Epilogue, Groups, Image, ImageEpilogue, Rows, plain_sum
from tinyinfer.kernels.arguments.polyphase import (
    COLUMNS,
    FIRST,
    LEFT,
    OUT_COLUMNS,
    OUT_FIRST,
    OUT_ROWS,
    ROWS,
    TOP,
    polyphase_components,
)
from tinyinfer.kernels.arguments.windows import window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline, load, shared
from tinyinfer.kernels.codegen.memory import copy_rows, fill_rows
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.conv.winograd_transforms import (
    FIVE_TAPS,
    STRIDED,
    TRANSFORMS,
    Matrices,
    distinct_rows,
    make_input_transform,
    make_output_transform,
    products,
    transform_weights,
)
from tinyinfer.kernels.matmul.gemm import L2_FLOATS, MR, NR, fill_panels, gemm, pack_bias, packed_size
from tinyinfer.kernels.matmul.joined_groups import group_count, joined_weight
from tinyinfer.kernels.parallel.atomic import load as load_int
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import own_memory, own_range
from tinyinfer.kernels.parallel.task import Task, in_turn, task
from tinyinfer.kernels.pointwise_math.fused_activation import activate
from tinyinfer.ops.convolution.conv2d import Conv2d

# floats between the matrices of two positions beyond their own: where one is a multiple of 4 KiB, as with 128 channels,
# their lines would fall on the same places of L1, and transforms would take far longer
GAP = LANES


class Tiles(NamedTuple):
    """The tiles of a batch: of one grid ``rows`` by ``columns``, of all ``number``, ``block`` of which are in cache."""

    rows: int
    columns: int
    number: int
    block: int
    x_line: int  # pixels from a grid's row to the next, of inputs and of outputs
    y_line: int
    step: int  # pixels from a grid's column to the next
    grids: np.ndarray  # of `polyphase_components`


class Weights(NamedTuple):
    """U, packed; the pairs of a matrix of U and a position that it multiplies; and zeros, a bias for products."""

    u: Address
    matrix: int  # floats of one
    pairs: Address
    number: int  # of pairs
    zeros: Address


@struct
class Stack(NamedTuple):
    """Matrices of tiles by channels, one for each of the alpha^2 positions: ``step`` floats from one to the next."""

    address: Address
    step: int
    stride: int

    def matrix(self, position: int, column: int = 0) -> Rows:
        """One of them, from a column on."""
        return Rows(self.address + (position * self.step + column) * 4, self.stride)

    def at(self, tile: int) -> Stack:
        """From a tile on."""
        return Stack(self.address + tile * self.stride * 4, self.step, self.stride)


@inline
def stacks(address, positions, tiles, groups):
    """V and P of so many tiles, one behind the other, and how many floats they take."""
    v_row, p_row = -(-groups.number * groups.c // LANES) * LANES, -(-groups.number * groups.n // LANES) * LANES
    v_step, p_step = tiles * v_row + GAP, tiles * p_row + GAP
    v = Stack(address, v_step, v_row)
    return v, Stack(address + positions * v_step * 4, p_step, p_row), positions * (v_step + p_step)


@shared(source=Image, to=Image, rows="int", columns="int", lanes="int")
def copy_tile(source, to, rows, columns, lanes):
    """Some pixels of a tile, or of an image, for a register of channels."""
    for i in range(rows):
        row, to_row = source.line(i), to.line(i)
        copy_rows(row.address, row.stride, to_row.address, to_row.stride, columns, lanes)


@shared(part="int", parts="int", v=Stack, count="int", groups=Groups, weights=Weights, p=Stack)
def multiply(part, parts, v, count, groups, weights, p):
    """A part of P = V @ U for ``count`` tiles, at all pairs of a matrix of U and a position of V and P, by panels."""
    panels, u_group = -(-groups.n // NR), weights.matrix // groups.number
    first, last = own_range(part, weights.number * groups.number * panels, parts)
    for i in range(first // panels, -(-last // panels)):
        pair, g = weights.pairs + i // groups.number * 16, i % groups.number
        matrix, at = load_int(pair), load_int(pair + 8)
        n0, n1 = max(0, first - i * panels) * NR, min(groups.n, (last - i * panels) * NR)
        gemm(
            v.matrix(at, g * groups.c), count, groups.c,
            weights.u + (matrix * weights.matrix + g * u_group + n0 * groups.c) * 4, p.matrix(at, g * groups.n + n0),
            n1 - n0, plain_sum(weights.zeros, Rows(v.address, 0)),
        )  # fmt: skip


def make_winograd(matrices: Matrices, stride: int = 1) -> tuple[Task, Task]:
    """The tasks of a variant: tiles in blocks that fit into the cache, and all tiles as one block, in three phases."""
    m, alpha = matrices[2].shape
    input_transform, output_transform = make_input_transform(matrices), make_output_transform(matrices)

    @inline
    def transform_inputs(x, c, tiles, first, count, v, patch):
        """V of tiles first .. first + count."""
        grids, pixels = tiles.grids, Image(x.address, tiles.x_line * x.stride, tiles.step * x.stride)
        for t in range(count):
            tile = first + t
            grid = tile // (tiles.rows * tiles.columns)
            iy = tile // tiles.columns % tiles.rows * (m * stride) - grids[grid, TOP]
            ix = tile % tiles.columns * (m * stride) - grids[grid, LEFT]
            h, w = grids[grid, ROWS], grids[grid, COLUMNS]
            seen = pixels.at(iy, ix, grids[grid, FIRST] * x.stride)
            if iy < 0 or ix < 0 or iy + alpha > h or ix + alpha > w:
                padded = Image(patch, alpha * c, c)
                fill_rows(np.float32(0), patch, 0, 1, alpha * alpha * c)
                i0, j0 = max(0, -iy), max(0, -ix)
                copy_tile(seen.at(i0, j0), padded.at(i0, j0), min(alpha, h - iy) - i0, min(alpha, w - ix) - j0, c)
                seen = padded
            for k in range(0, c, LANES):
                input_transform(seen.at(0, 0, k), c - k, v.at(t).address + k * 4, v.step)

    @inline
    def transform_outputs(p, n, tiles, first, count, y, epilogue, patch):
        """Outputs of tiles first .. first + count from their products."""
        grids, other = tiles.grids, epilogue.residual
        pixels = Image(y.address, tiles.y_line * y.stride, tiles.step * y.stride)
        others = Image(other.address, tiles.y_line * other.stride, tiles.step * other.stride)
        for t in range(count):
            tile = first + t
            grid, oy = tile // (tiles.rows * tiles.columns), tile // tiles.columns % tiles.rows * m
            ox, start = tile % tiles.columns * m, grids[grid, OUT_FIRST]
            rows, columns = min(m, grids[grid, OUT_ROWS] - oy), min(m, grids[grid, OUT_COLUMNS] - ox)
            for k in range(0, n, LANES):
                lanes = min(LANES, n - k)
                to = target = pixels.at(oy, ox, start * y.stride + k)
                residual = others.at(oy, ox, start * other.stride + k)
                if rows < m or columns < m:  # to a patch, where its residual is already, and from there its real part
                    to = Image(patch, m * LANES, LANES)
                    if other.stride != 0:
                        copy_tile(residual, to, rows, columns, lanes)
                        residual = to
                own = ImageEpilogue(epilogue.bias + k * 4, residual, epilogue.lo, epilogue.hi, epilogue.act)
                output_transform(p.at(t).address + k * 4, p.step, to, lanes, own)
                if epilogue.act != 0:
                    for i in range(m):
                        activate(to.line(i), m, lanes, epilogue.act)
                if rows < m or columns < m:
                    copy_tile(to, target, rows, columns, lanes)

    @task
    def winograd(
        part, parts, x: Rows, groups: Groups, tiles: Tiles, weights: Weights, y: Rows, epilogue: Epilogue, workspace
    ):
        """clip(conv2d + bias + residual) in blocks of tiles of m x m outputs, each part with its own workspace."""
        own, (t0, t1) = np.intp(own_memory(part, workspace, parts).ctypes.data), own_range(part, tiles.number, parts)
        v, p, floats = stacks(own, alpha * alpha, tiles.block, groups)
        patch = own + floats * 4
        for first in range(t0, t1, tiles.block):
            count = min(tiles.block, t1 - first)
            transform_inputs(x, groups.number * groups.c, tiles, first, count, v, patch)
            multiply(0, 1, v, count, groups, weights, p)
            transform_outputs(p, groups.number * groups.n, tiles, first, count, y, epilogue, patch)

    @task
    def winograd_one_block(
        part, parts, phase, x: Rows, groups: Groups, tiles: Tiles, weights: Weights, y: Rows, epilogue: Epilogue,
        workspace,
    ):  # fmt: skip
        """The same of a single block in three phases: parts share tiles to be transformed, panels to be multiplied.

        So every panel of U is read by one thread alone, which matters where U is large.
        """
        v, p, floats = stacks(np.intp(workspace.ctypes.data), alpha * alpha, tiles.number, groups)
        patch = np.intp(own_memory(part, workspace[floats:], parts).ctypes.data)
        first, last = own_range(part, tiles.number, parts)
        if phase == 0:
            transform_inputs(x, groups.number * groups.c, tiles, first, last - first, v.at(first), patch)
        elif phase == 1:
            multiply(part, parts, v, tiles.number, groups, weights, p)
        else:
            c_out = groups.number * groups.n
            transform_outputs(p.at(first), c_out, tiles, first, last - first, y, epilogue, patch)

    return winograd, winograd_one_block


class _Winograd(Kernel):
    """Square kernels, zero padding, dilation at stride 1; m x m outputs a tile."""

    op = "conv2d"
    matrices: ClassVar[Matrices]
    tasks: ClassVar[tuple[Task, Task]]
    stride: ClassVar[int] = 1

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        (batch, c), (n, out_h, out_w) = problem.inputs[0][:2], problem.outputs[0][1:]
        down, across = problem.op.dilation
        self.groups = group_count(problem)
        self.m, self.alpha = self.matrices[2].shape
        self.tiles_h, self.tiles_w = -(-out_h // (down * self.m)), -(-out_w // (across * self.m))  # of the largest grid
        self.tiles = batch * down * across * self.tiles_h * self.tiles_w
        v_row, p_row, positions = -(-c // LANES) * LANES, -(-n // LANES) * LANES, self.alpha**2
        fitting = max(1, L2_FLOATS // (positions * (v_row + p_row)) // MR) * MR
        weights = c * n // self.groups  # of a position; if they outweigh its tiles, they stream by for too little
        fitting = max(fitting, weights // (c + n) // MR * MR)
        patch = -(-max(positions * c, self.m**2 * LANES) // LANES) * LANES
        large = positions * weights > L2_FLOATS  # else both threads may as well read all
        self.one_block = problem.threads > 1 and large and self.tiles <= fitting * problem.threads
        self.block = self.tiles if self.one_block else min(fitting, -(-self.tiles // problem.threads))
        parts = 1 if self.one_block else problem.threads
        self.workspace_floats = positions * (self.block * (v_row + p_row) + 2 * GAP) * parts + patch * problem.threads

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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        op, (u, zeros, bias), threads = self.problem.op, self.packed, self.problem.threads
        assert isinstance(op, Conv2d)
        down, across = op.dilation
        groups = Groups(self.groups, x.c // self.groups, y.c // self.groups)
        grids = polyphase_components(x.n, window_geometry(self.problem))
        tiles = Tiles(self.tiles_h, self.tiles_w, self.tiles, self.block, down * x.w, down * y.w, across, grids)
        pairs = products(self.matrices)
        matrix = u.size // (int(pairs[-1, 0]) + 1)  # the last pair has the last matrix
        weights = Weights(Address.of(u), matrix, Address.of(pairs), len(pairs), Address.of(zeros))
        epilogue = Epilogue.of(op.activation, bias, inputs, y)
        args = Rows.of(x), groups, tiles, weights, Rows.of(y), epilogue, workspace
        in_blocks, in_phases = self.tasks
        load(copy_tile, multiply)
        if self.one_block:
            return in_turn([in_phases.bind(threads, phase, *args) for phase in range(3)])
        return in_blocks.bind(threads, *args)


class Winograd2x2(_Winograd):
    """F(2x2, 3x3): 2.25 times fewer multiplications, the smaller error."""

    name = "winograd2x2"
    matrices = TRANSFORMS[2]
    tasks = make_winograd(matrices)


class Winograd3x3(_Winograd):
    """F(3x3, 3x3): 3.24 times fewer multiplications, with two thirds of the weights of F(4x4)."""

    name = "winograd3x3"
    tolerance = 6e-5  # constants up to 4: half of the error of F(4x4)
    matrices = TRANSFORMS[3]
    tasks = make_winograd(matrices)


class Winograd4x4(_Winograd):
    """F(4x4, 3x3): 4 times fewer multiplications."""

    name = "winograd4x4"
    tolerance = 1e-4  # the transform's constants up to 8 cost about one decimal digit (Lavin and Gray, section 5.3)
    matrices = TRANSFORMS[4]
    tasks = make_winograd(matrices)


class WinogradFiveTaps(_Winograd):
    """F(2x2, 5x5): 2.78 times fewer multiplications."""

    name = "winograd_5x5"
    tolerance = 1e-4  # the constants of F(4x4, 3x3)
    matrices = FIVE_TAPS
    tasks = make_winograd(matrices)


class WinogradStrided(_Winograd):
    """F(2x2, 3x3) at stride 2: 1.44 times fewer multiplications."""

    name = "winograd_strided"
    matrices, stride = STRIDED, 2
    tasks = make_winograd(matrices, stride)


KERNELS = (Winograd2x2, Winograd3x3, Winograd4x4, WinogradFiveTaps, WinogradStrided)
