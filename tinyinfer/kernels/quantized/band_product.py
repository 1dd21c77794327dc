"""Products of windows of codes: the microkernel reads them in bands of inputs, where their rows are runs.

A band is copied with its border once; im2col would copy each input kernel_height * kernel_width times, which takes as
long as the products where outputs are few.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.base import Bound, FeatureMap
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.structs import Address
from tinyinfer.kernels.parallel.parts import own_memory, own_range, own_units
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.quantized.bands import BandLayout, band_layout, fill_band, run_count, run_offsets
from tinyinfer.kernels.quantized.byte_gemm import TILES, on_tiles, product_of_grid
from tinyinfer.kernels.quantized.byte_panels import NR, Runs
from tinyinfer.kernels.quantized.byte_tiles import configure, release
from tinyinfer.kernels.quantized.epilogue.finish import Grid
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.kernels.quantized.packed_layer import PackedLayer, WeightGroups
from tinyinfer.kernels.quantized.row_terms import row_terms

# of a band: a small one is still in cache when it is read; with large weights it is as large as those, which otherwise
# would be most of what is moved
SMALL_BAND, LARGE_BAND = 48 * 1024, 320 * 1024


class Bands(NamedTuple):
    """How outputs are dealt out: all rows of the batch, those of a band, and parts that share the same rows.

    Of each part's memory the first ``sums_bytes`` are for sums, ``terms_bytes`` for row terms, the rest is the band.
    Rows and images of results begin so many bytes apart; those of a band of several rows lie side by side.
    """

    all_rows: int
    rows: int
    column_parts: int
    sums_bytes: int
    terms_bytes: int
    zero: int  # code of the border
    tiles: bool
    row_bytes: int
    image_bytes: int


@task
def band_product(
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
        rows = Results(y.address + (image * bands.image_bytes + oy * bands.row_bytes), y.stride, y.size)
        for g in range(weights.number):
            group, columns = weights.group(g).columns(n0, n1), g * weights.column_bytes
            last = epilogue.at(pixel, g * n)
            last = last.with_columns(epilogue.bias + columns, epilogue.multiplier + columns).at(0, n0)
            fill_band(x.at(0, g * c), layout, image, oy, lines, bands.zero, band.address)
            if PAIRED or group.zero != 0:
                row_terms(band, grid, group.runs, group.zero, terms)
                last = last.with_row_terms(terms)
            product_of_grid(band, grid, group, rows.at(0, g * n + n0), last, own, bands.tiles)
        p += lines
    if TILES and bands.tiles:
        release()


class BandPlan(NamedTuple):
    """How the windows of one geometry are gone through, and where runs lie in a band; ``parts`` of rows, of columns."""

    layout: BandLayout
    offsets: np.ndarray
    run_bytes: int
    bands: Bands
    parts: tuple[int, int]

    @classmethod
    def of(
        cls, geometry: Geometry, lines: int, c: int, packed: PackedLayer, parts: tuple[int, int], zero: int,
        most_rows: int,
    ) -> BandPlan:  # fmt: skip
        """For ``lines`` of outputs in all, of c channels, in bands of ``most_rows`` at most."""
        per_group, weights = c // packed.groups, packed.weights.size // packed.groups
        runs = run_count(geometry.kh, geometry.kw, per_group, geometry.dilation_w)
        run_bytes = geometry.kh * geometry.kw * per_group // runs
        tiles = on_tiles(runs, run_bytes)
        halo = band_layout(geometry, per_group, 0, tiles)
        space = max(SMALL_BAND, min(weights, LARGE_BAND)) - halo.size
        rows = max(1, min(space // (halo.phases * halo.row_bytes), -(-lines // parts[0]), most_rows))
        layout = band_layout(geometry, per_group, rows, tiles)
        positions, pixels = (rows - 1) * layout.pitch + geometry.out_w, rows * geometry.out_w
        sums_bytes, terms_bytes = -(-positions // 32) * 32 * NR * 4, -(-pixels * 4 // 64) * 64
        bands = Bands(lines, rows, parts[1], sums_bytes, terms_bytes, zero, tiles, 0, 0)
        return cls(layout, run_offsets(layout), run_bytes, bands, parts)

    @property
    def workspace_floats(self) -> int:
        """Temporary memory of all parts together."""
        own = self.bands.sums_bytes + self.bands.terms_bytes + self.layout.size
        return -(-own // 64) * 16 * self.parts[0] * self.parts[1]

    def bind(
        self, x: FeatureMap, packed: PackedLayer, weight_zero: int, y: Results, steps: tuple[int, int],
        epilogue: Requantize, workspace: np.ndarray,
    ) -> Bound:  # fmt: skip
        """The call that computes all outputs; ``steps`` are bytes from one row of results, and image, to the next."""
        runs = Runs(Address.of(self.offsets), self.offsets.size, self.run_bytes)
        weights = WeightGroups.of(packed, runs, packed.outputs, weight_zero)
        bands = self.bands._replace(row_bytes=steps[0], image_bytes=steps[1])
        return band_product.bind(
            self.parts[0] * self.parts[1], ByteRows.of(x), self.layout, weights, y, epilogue, bands, workspace
        )
