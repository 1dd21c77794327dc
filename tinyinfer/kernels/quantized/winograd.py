"""Winograd convolution of codes, F(m x m, 3 x 3), exact: as `conv.winograd`, in integers (`winograd_transforms`).

It is for CPUs where a product of codes takes as long as one of floats, since its factors need 16 bits.  Rows of tiles
are taken in blocks whose transformed inputs V stay in L2.  Weights go by in panels, and those of a panel's products P
that a row of tiles needs become sums and then codes as in any other layer.  Tiles at the border go through a patch
that is padded with the code of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.arguments.windows import Geometry, window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows, fill_bytes
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.jit import inline, load, shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import own_memory, own_range, own_units
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.quantized.byte_panels import (
    NR,
    PANEL,
    Runs,
    column_terms,
    pack_columns,
    pack_pairs,
    packed_width,
    panel,
    panel_width,
)  # fmt: skip
from tinyinfer.kernels.quantized.epilogue.finish import Grid, finish
from tinyinfer.kernels.quantized.epilogue.folding import folded_bias, multipliers, signed_weight
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.kernels.quantized.matrix_layers import ONE_RUN, takes_codes
from tinyinfer.kernels.quantized.winograd_transforms import (
    HALVES,
    INTEGERS,
    ByteImage,
    Constants,
    Matrices,
    make_input_transform,
    make_output_transform,
    make_tile_terms,
)  # fmt: skip
from tinyinfer.ops.quantized.convolution import QuantizedConv2d

BLOCK_BYTES = 320 * 1024  # of V and of a panel of P: most of a small L2, where weights only pass through it
MIDDLE = 128  # of the codes: sums are found by their distance from what they are if all codes are that
WIDEST = 128  # of a code from there, and of a weight from 0


@vector_function(**PANEL)
def _pair_panel(v, x, rows, runs, w, columns, bias, sums):
    panel(v, x, rows, runs, w, columns, bias, sums, halves=True)


@shared(**PANEL)
def pair_panel(x, rows, runs, w, columns, bias, sums):
    """`dot_panel` of 16-bit integers."""
    _pair_panel(x, rows, runs, w, columns, bias, sums)


def bytes_of_terms(m: int) -> int:
    """Of the terms of a tile, in whole registers."""
    return -(-m * m // LANES) * LANES * 4


class Tiles(NamedTuple):
    """Rows of tiles: of an image, of the batch, and of a block; tiles in one; parts that share the same rows."""

    image_rows: int
    rows: int
    block: int
    columns: int
    column_parts: int
    channels: int


class Weights(NamedTuple):
    """U in panels, position by position; constants of columns; zeros, for what is not there; what the border holds."""

    u: Address
    runs: Runs  # one of as many channels as there are, padded
    n: int
    constants: Constants
    zeros: Address
    border: int


class Space(NamedTuple):
    """Bytes of what each part keeps: V, P, terms of tiles, sums of results; the patch is behind them."""

    v: int
    p: int
    terms: int
    sums: int


def make_winograd(matrices: Matrices) -> Task:
    """The task of a variant."""
    m, alpha = matrices.m, matrices.alpha
    term_bytes = bytes_of_terms(m)
    input_transform, output_transform = make_input_transform(matrices), make_output_transform(matrices)
    tile_terms = make_tile_terms(matrices)

    @inline
    def fill_patch(x, c, geometry, image, iy, ix, border, patch):
        """The inputs of a tile, with channels of padding that nothing is multiplied with, and the border."""
        wide = -(-c // HALVES) * HALVES
        fill_bytes(border, patch, alpha * alpha * wide)
        i0, j0 = max(0, -iy), max(0, -ix)
        i1, j1 = min(alpha, geometry.h - iy), min(alpha, geometry.w - ix)
        for i in range(i0, i1):
            seen = x.at((image * geometry.h + iy + i) * geometry.w + ix + j0)
            copy_byte_rows(seen.address, x.stride, patch + (i * alpha + j0) * wide, wide, j1 - j0, c)
        return ByteImage(patch, alpha * wide, wide)

    @inline
    def transform_inputs(x, geometry, tiles, first, count, weights, v, terms, patch):
        """V and the terms of ``count`` rows of tiles."""
        c, wide = tiles.channels, weights.runs.size
        step = count * tiles.columns * wide * 2
        for t in range(count * tiles.columns):
            row = first + t // tiles.columns
            image, iy = row // tiles.image_rows, row % tiles.image_rows * m - geometry.top
            ix = t % tiles.columns * m - geometry.left
            inside = iy >= 0 and ix >= 0 and iy + alpha <= geometry.h and ix + alpha <= geometry.w
            seen = x.at((image * geometry.h + iy) * geometry.w + ix)
            source = ByteImage(seen.address, geometry.w * x.stride, x.stride)
            if not inside or c != wide:
                source = fill_patch(x, c, geometry, image, iy, ix, weights.border, patch)
            input_transform(source, wide, v + t * wide * 2, step)
            tile_terms(v + t * wide * 2, step, wide, patch, terms + t * term_bytes)

    @task
    def winograd(
        part, parts, x: ByteRows, geometry: Geometry, tiles: Tiles, weights: Weights, space: Space, y: Results,
        epilogue: Requantize, memory,
    ):  # fmt: skip
        """Each part's rows of tiles, or its panels of outputs."""
        v = own_memory(part, memory, parts).ctypes.data
        p = v + space.v
        terms = p + space.p
        sums = terms + space.terms
        positions, depth, width = alpha * alpha, weights.runs.size * 2, tiles.columns * m
        r0, r1 = own_range(part // tiles.column_parts, tiles.rows, parts // tiles.column_parts)
        n0, n1 = own_units(part % tiles.column_parts, weights.n, NR, tiles.column_parts)
        for first in range(r0, r1, tiles.block):
            rows = min(tiles.block, r1 - first)
            count = rows * tiles.columns
            transform_inputs(x, geometry, tiles, first, rows, weights, v, terms, sums + space.sums)
            for start in range(n0, n1, NR):
                columns = min(NR, n1 - start)
                own, width_of_panel = weights.constants.columns(start), -(-columns // LANES) * LANES
                for position in range(positions):
                    pair_panel(
                        ByteRows(v + position * count * depth, depth), count, weights.runs,
                        weights.u + (start * positions + position * width_of_panel) * depth, columns, weights.zeros,
                        p + position * count * (NR * 4),
                    )  # fmt: skip
                for row in range(rows):
                    at = row * tiles.columns
                    for t in range(tiles.columns):
                        output_transform(
                            p + (at + t) * (NR * 4), count * (NR * 4), columns, terms + (at + t) * term_bytes, own,
                            sums + t * m * (NR * 4), width * (NR * 4),
                        )  # fmt: skip
                    image, oy = (first + row) // tiles.image_rows, (first + row) % tiles.image_rows * m
                    pixel = (image * geometry.out_h + oy) * geometry.out_w
                    grid = Grid(min(m, geometry.out_h - oy), width, geometry.out_w)
                    finish(sums, NR, grid, y.at(pixel, start), columns, epilogue.at(pixel, start))

    return winograd


class Packed(NamedTuple):
    """U in panels, position by position in each; constants [m * m, columns] and [columns]; what a sum is worth."""

    u: np.ndarray
    before: np.ndarray
    after: np.ndarray
    multiplier: np.ndarray


def _transformed(weight: np.ndarray, matrices: Matrices) -> np.ndarray:
    """G g G^T of int8 weights (N, C, 3, 3), int16 [positions, C, N], with channels of zeros up to whole registers."""
    n, c = weight.shape[:2]
    u = np.zeros((matrices.alpha**2, -(-c // HALVES) * HALVES, n), np.int16)
    windows = weight.reshape(n, c, 9).transpose(2, 1, 0).astype(np.int32, order="C").reshape(9, c * n)
    u[:, :c] = (np.kron(matrices.weights, matrices.weights) @ windows).reshape(-1, c, n)
    return u


def _interleaved(u: np.ndarray) -> np.ndarray:
    """Channels in the order in which `pack_pairs` puts neighbours into one lane."""
    c, n = u.shape
    return u.reshape(c // 4, 2, 2, n).swapaxes(1, 2).reshape(c, n)


class _WinogradCodes(Kernel):
    """3x3 at stride 1, weights around 0."""

    op = "quantized_conv2d"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's
    matrices: ClassVar[Matrices]
    task: ClassVar[Task]

    def __init__(self, problem: Problem, packed: Packed) -> None:
        super().__init__(problem, packed)
        (batch, c), (n, out_h, out_w), threads = problem.inputs[0][:2], problem.outputs[0][1:], problem.threads
        m, positions = self.matrices.m, self.matrices.alpha**2
        self.c, across, image_rows = -(-c // HALVES) * HALVES, -(-out_w // m), -(-out_h // m)
        rows = batch * image_rows
        by_panels = rows < threads and n > NR
        self.parts = (1, threads) if by_panels else (threads, 1)
        each = positions * across * (self.c * 2 + NR * 4)
        block = max(1, min(BLOCK_BYTES // each, -(-rows // self.parts[0])))
        self.tiles = Tiles(image_rows, rows, block, across, self.parts[1], c)
        count = block * across
        self.space = Space(
            _lines(positions * count * self.c * 2), _lines(positions * count * NR * 4),
            _lines(count * bytes_of_terms(m)), _lines(m * m * across * NR * 4),
        )  # fmt: skip
        patch = _lines(positions * max(self.c, LANES * 4))
        self.workspace_floats = (sum(self.space) + patch) // 4 * threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op, weight = problem.op, problem.params["weight"]
        assert isinstance(op, QuantizedConv2d)
        plain = weight.shape[2:] == (3, 3) and op.stride == op.dilation == (1, 1) and op.groups == 1
        around_zero = op.weight_zero_point == (128 if weight.dtype == np.uint8 else 0)
        exact = 9 * weight.shape[1] * WIDEST**2 < cls.matrices.largest_sum
        return PAIRED and plain and around_zero and exact and takes_codes(problem)

    @classmethod
    def pack(cls, layer: Layer) -> Packed:
        weight, _ = signed_weight(layer)
        matrices, n = cls.matrices, len(weight)
        m, positions, c = matrices.m, matrices.alpha**2, -(-weight.shape[1] // HALVES) * HALVES
        width = packed_width(n)
        u = aligned_empty(positions * c * width // 2).view(np.int8).reshape(-1)
        terms = np.zeros((matrices.alpha, matrices.alpha, width), np.int64)
        for start in range(0, n, NR):  # a panel at a time: else U is there twice
            own = [_interleaved(position) for position in _transformed(weight[start : start + NR], matrices)]
            place = start * positions * c * 2
            size = panel_width(n - start) * c * 2
            for number, position in enumerate(own):
                u[place + number * size : place + (number + 1) * size] = pack_pairs(position)[:size]
                terms[divmod(number, matrices.alpha)][start : start + position.shape[1]] = column_terms(position[None])
        output = matrices.outputs[0] if len(matrices.outputs) == 1 else np.linalg.multi_dot(matrices.outputs)
        middle = np.zeros(width, np.int64)
        middle[:n] = MIDDLE * weight.astype(np.int64).sum((1, 2, 3))
        lacking = np.einsum("ik,kln,jl->ijn", output, terms, output) + matrices.unit * middle
        after = folded_bias(layer) + middle[:n]
        before = (-lacking).astype(np.int64).reshape(m * m, width)
        return Packed(u, _wrapped(before), pack_columns(after.astype(np.int32)), pack_columns(multipliers(layer)))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, op, packed = inputs[0], outputs[0], self.problem.op, self.packed
        assert isinstance(op, QuantizedConv2d)
        zeros = Address.of(np.zeros(NR, np.int32))
        weights = Weights(
            Address.of(packed.u), Runs(Address.of(ONE_RUN), 1, self.c), y.c,
            Constants(Address.of(packed.before), Address.of(packed.after), packed.before.shape[1] * 4), zeros,
            op.input_zero_point,
        )  # fmt: skip
        epilogue = Requantize.of(op, packed.after, packed.multiplier, inputs, y)._replace(row_terms=zeros)
        load(finish, pair_panel)
        return self.task.bind(
            self.problem.threads, ByteRows.of(x), window_geometry(self.problem), self.tiles, weights, self.space,
            Results.of(y), epilogue, workspace,
        )  # fmt: skip


def _lines(size: int) -> int:
    """Bytes of whole cache lines."""
    return -(-size // 64) * 64


def _wrapped(integers: np.ndarray) -> np.ndarray:
    """The last 32 bits of integers, int32, from a cache line on."""
    packed = aligned_empty(integers.size).view(np.int32).reshape(integers.shape)
    packed[...] = integers.astype(np.int32)
    return packed


class Winograd2x2Codes(_WinogradCodes):
    """F(2x2, 3x3): 2.25 times fewer multiplications."""

    name = "winograd2x2"
    matrices = INTEGERS[2]
    task = make_winograd(matrices)


class Winograd4x4Codes(_WinogradCodes):
    """F(4x4, 3x3): 4 times fewer multiplications, for layers whose sums have few enough bits."""

    name = "winograd4x4"
    matrices = INTEGERS[4]
    task = make_winograd(matrices)


KERNELS = (Winograd2x2Codes, Winograd4x4Codes)
