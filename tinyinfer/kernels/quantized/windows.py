"""Convolutions of codes of any window: the microkernel reads the windows in bands of inputs, where their rows are runs.

A band is copied with its border once; im2col would copy each input kernel_height * kernel_width times, which takes as
long as the products where outputs are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.arguments.windows import window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.structs import Address
from tinyinfer.kernels.matmul.joined_groups import group_count
from tinyinfer.kernels.parallel.parts import own_memory, own_range, own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.quantized.bands import BandLayout, band_layout, fill_band, run_count, run_offsets
from tinyinfer.kernels.quantized.byte_gemm import TILES, on_tiles, panel_of_grid
from tinyinfer.kernels.quantized.byte_panels import NR, Runs
from tinyinfer.kernels.quantized.byte_tiles import configure, release
from tinyinfer.kernels.quantized.epilogue.finish import Grid
from tinyinfer.kernels.quantized.epilogue.folding import signed_weight
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.kernels.quantized.matrix_layers import by_panels, takes_codes
from tinyinfer.kernels.quantized.packed_layer import PackedLayer, WeightGroups, pack_layer
from tinyinfer.kernels.quantized.row_terms import row_terms
from tinyinfer.ops.quantized.convolution import QuantizedConv2d

# of a band: a small one is still in cache when it is read; with large weights it is as large as those, which otherwise
# would be most of what is moved
SMALL_BAND, LARGE_BAND = 48 * 1024, 320 * 1024


class Bands(NamedTuple):
    """How outputs are dealt out: all rows of the batch, those of a band, and parts that share the same rows.

    Of each part's memory the first ``sums_bytes`` are for sums, ``terms_bytes`` for row terms, the rest is the band.
    """

    all_rows: int
    rows: int
    column_parts: int
    sums_bytes: int
    terms_bytes: int
    zero: int  # code of the border
    tiles: bool


@task
def windows(
    part, parts, x: ByteRows, layout: BandLayout, weights: WeightGroups, y: Results, epilogue: Requantize, bands: Bands,
    memory,
):  # fmt: skip
    """Each part's rows of outputs, band after band, or its panels of them."""
    own, geometry = own_memory(part, memory, parts).ctypes.data, layout.geometry
    terms, c, n = own + bands.sums_bytes, layout.c, weights.first.n
    band = ByteRows(terms + bands.terms_bytes, layout.across * layout.pixel_bytes)
    p, p1 = own_range(part // bands.column_parts, bands.all_rows, parts // bands.column_parts)
    n0, n1 = own_units(part % bands.column_parts, n, NR, bands.column_parts)
    if TILES and bands.tiles:
        configure()
    while p < p1:
        image, oy = p // geometry.out_h, p % geometry.out_h
        lines, pixel = min(bands.rows, p1 - p, geometry.out_h - oy), p * geometry.out_w
        grid = Grid(lines, layout.pitch, geometry.out_w)
        for g in range(weights.number):
            group, columns = weights.group(g).columns(n0, n1), g * weights.column_bytes
            last = epilogue.at(pixel, g * n)
            last = last.with_columns(epilogue.bias + columns, epilogue.multiplier + columns).at(0, n0)
            fill_band(x.at(0, g * c), layout, image, oy, lines, bands.zero, band.address)
            if PAIRED or group.zero != 0:
                row_terms(band, grid, group.runs, group.zero, terms)
                last = last.with_row_terms(terms)
            for start in range(0, n1 - n0, NR):
                panel_of_grid(
                    band, grid, group.runs, group.columns(start, n1 - n0).address, y.at(pixel, g * n + n0 + start),
                    min(NR, n1 - n0 - start), last.at(0, start), own, bands.tiles,
                )  # fmt: skip
        p += lines
    if TILES and bands.tiles:
        release()


class Windows(Kernel):
    """Any window, stride, dilation, padding and groups."""

    op = "quantized_conv2d"
    name = "windows"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    def __init__(self, problem: Problem, packed: PackedLayer) -> None:
        super().__init__(problem, packed)
        geometry = window_geometry(problem)
        (batch, c), m, threads = problem.inputs[0][:2], problem.outputs[0][1], problem.threads
        self.lines, per_group = batch * geometry.out_h, c // packed.groups
        panels = packed.groups == 1 and by_panels(self.lines * geometry.out_w, m, threads)
        self.parts = (1, threads) if panels else (threads, 1)
        runs = run_count(geometry.kh, geometry.kw, per_group, geometry.dilation_w)
        self.run_bytes = geometry.kh * geometry.kw * per_group // runs
        self.tiles = on_tiles(runs, self.run_bytes)
        halo = band_layout(geometry, per_group, 0, self.tiles)
        weights = packed.weights.size // packed.groups
        space = max(SMALL_BAND, min(weights, LARGE_BAND)) - halo.size
        rows = space // (halo.phases * halo.row_bytes)
        self.band = max(1, min(rows, -(-self.lines // self.parts[0]), geometry.out_h))
        self.layout = band_layout(geometry, per_group, self.band, self.tiles)
        self.offsets = run_offsets(self.layout)
        positions, pixels = (self.band - 1) * self.layout.pitch + geometry.out_w, self.band * geometry.out_w
        self.sums_bytes, self.terms_bytes = -(-positions // 32) * 32 * NR * 4, -(-pixels * 4 // 64) * 64
        self.workspace_floats = -(-(self.sums_bytes + self.terms_bytes + self.layout.size) // 64) * 16 * threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return takes_codes(problem)

    @classmethod
    def pack(cls, layer: Layer) -> PackedLayer:
        op, (_, c, kh, kw) = layer.op, layer.params["weight"].shape
        assert isinstance(op, QuantizedConv2d)
        joined = c * op.groups // group_count(layer)
        return pack_layer(layer, run_count(kh, kw, joined, op.dilation[1]))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, op, packed = inputs[0], outputs[0], self.problem.op, self.packed
        assert isinstance(op, QuantizedConv2d)
        _, weight_zero = signed_weight(self.problem)
        runs = Runs(Address.of(self.offsets), self.offsets.size, self.run_bytes)
        row_parts, column_parts = self.parts
        bands = Bands(
            self.lines, self.band, column_parts, self.sums_bytes, self.terms_bytes, op.input_zero_point,
            self.tiles,
        )  # fmt: skip
        return windows.bind(
            row_parts * column_parts, ByteRows.of(x), self.layout,
            WeightGroups.of(packed, runs, y.c // packed.groups, weight_zero), Results.of(y),
            Requantize.of(op, packed.bias, packed.multiplier, inputs, y), bands, workspace,
        )  # fmt: skip


KERNELS = (Windows,)
