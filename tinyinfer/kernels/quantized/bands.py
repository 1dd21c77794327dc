"""Inputs of a convolution of codes in bands: rows with their border, laid out so that all windows lie alike.

What a kernel reads for output position p begins p positions behind what it reads for the first, of all rows of a band.
A position is as many pixels as the stride is wide, so that a row of a window is one run of bytes, whatever the stride;
where strides are long, rows that no output shares lie in phases of their own.  So with a 3x3 kernel at stride 2 for
three rows of three outputs, letters being phases and numbers positions, of two pixels each:

    padded inputs            phase a       phase c       outputs
    a0 a0 a1 a1 a2 a2 a3     0 1  2  3     0 1  2  3     0 1  2
    c0 c0 c1 c1 c2 c2 c3     4 5  6  7     4 5  6  7     4 5  6
    a4 a4 a5 a5 a6 a6 a7     8 9 10 11     8 9 10 11     8 9 10
    c4 c4 c5 c5 c6 c6 c7    12 ...
    a8 a8 ...

Output 0 sees a0 a0 a1, c0 c0 c1 and a4 a4 a5: runs of three pixels, at the same distances behind position p for output
p.  The ``pitch`` of 4 is one more than there are outputs, as a window reaches into the next position.  Output 3 is no
pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows, fill_bytes
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.quantized.byte_gemm import CROWDED, TILES
from tinyinfer.kernels.quantized.byte_tiles import STEP

OVERRUN = 32  # positions behind the last that tiles read, and nobody uses


class BandLayout(NamedTuple):
    """How a band is laid out, for images of ``c`` channels and windows of this geometry."""

    geometry: Geometry
    c: int
    pixel_bytes: int  # from one pixel to the next
    phases: int  # down: at most as many as the stride
    across: int  # pixels of a position: at most as many as the stride
    rows: int  # of a phase
    pitch: int  # positions from one row to the next

    @property
    def position_bytes(self) -> int:
        """From one position to the next."""
        return self.across * self.pixel_bytes

    @property
    def row_bytes(self) -> int:
        """From one row of a phase to the next."""
        return self.pitch * self.position_bytes

    @property
    def size(self) -> int:
        """Bytes of all phases, and of what may be read behind them."""
        return self.phases * self.rows * self.row_bytes + OVERRUN * self.position_bytes + 64


def band_layout(geometry: Geometry, c: int, lines: int, tiles: bool) -> BandLayout:
    """The layout for ``lines`` rows of outputs.

    For tiles pixels are further apart than they need to be where they would crowd (`byte_gemm`) and taps are whole
    steps, which need not lie side by side.
    """
    reach_h, reach_w = (geometry.kh - 1) * geometry.dilation_h, (geometry.kw - 1) * geometry.dilation_w
    phases, across = min(geometry.stride_h, reach_h + 1), min(geometry.stride_w, reach_w + 1)
    rows, pitch = lines + reach_h // geometry.stride_h, geometry.out_w + reach_w // geometry.stride_w
    spread = tiles and c % STEP == 0 and across * c % CROWDED == 0
    return BandLayout(geometry, c, c + 64 * spread, phases, across, rows, pitch)


def run_count(kh: int, kw: int, c: int, dilation_w: int) -> int:
    """Runs of a window: its rows or, where these are not contiguous or tiles gain nothing by that, its taps."""
    in_steps = TILES and c % STEP == 0
    return kh if kw == 1 or (dilation_w == 1 and not in_steps) else kh * kw


def run_offsets(band: BandLayout) -> np.ndarray:
    """Bytes from an output position to each run of its window, row by row of the kernel; int64."""
    g = band.geometry
    taps = run_count(g.kh, g.kw, band.c, g.dilation_w) // g.kh
    offsets = [
        i % g.stride_h * band.rows * band.row_bytes
        + i // g.stride_h * band.row_bytes
        + j // g.stride_w * band.position_bytes
        + j % g.stride_w * band.pixel_bytes
        for i in range(0, g.kh * g.dilation_h, g.dilation_h)
        for j in range(0, taps * g.dilation_w, g.dilation_w)
    ]
    return np.array(offsets, np.int64)


@inline
def fill_band(x, band, image, oy, lines, zero, to):
    """The input rows that ``lines`` rows of outputs from ``oy`` on read; ``zero`` is the code of the border."""
    g, c = band.geometry, band.c
    position_bytes = band.across * band.pixel_bytes
    row_bytes, reach = band.pitch * position_bytes, (g.kh - 1) * g.dilation_h // g.stride_h
    for phase in range(band.phases):
        for row in range(lines + reach):
            iy, at = (oy + row) * g.stride_h + phase - g.top, to + (phase * band.rows + row) * row_bytes
            if iy < 0 or iy >= g.h:
                fill_bytes(zero, at, row_bytes)
                continue
            pixels = x.at((image * g.h + iy) * g.w)
            if band.across == g.stride_w:
                _copy_padded_row(pixels, c, band.pixel_bytes, g.w, g.left, band.pitch * g.stride_w, zero, at)
                continue
            fill_bytes(zero, at, row_bytes)
            for pixel in range(band.across):
                first = max(0, -(-(g.left - pixel) // g.stride_w))
                count = min(band.pitch, (g.w - 1 + g.left - pixel) // g.stride_w + 1) - first
                source = pixels.at(first * g.stride_w + pixel - g.left)
                target = at + first * position_bytes + pixel * band.pixel_bytes
                copy_byte_rows(source.address, g.stride_w * x.stride, target, position_bytes, count, c)


@inline
def _copy_padded_row(x, c, pixel_bytes, w, left, width, zero, to):
    """A row of an image, w pixels of c codes, into to[width], between ``left`` pixels of border and more of it.

    Below 0, so many pixels are left out.
    """
    skipped, left = max(0, -left), min(max(0, left), width)
    real = max(0, min(w - skipped, width - left))
    start = to + left * pixel_bytes
    x = x.at(skipped)
    fill_bytes(zero, to, left * pixel_bytes)
    if x.stride == c == pixel_bytes:
        copy_byte_rows(x.address, 0, start, 0, 1, real * c)
    else:
        copy_byte_rows(x.address, x.stride, start, pixel_bytes, real, c)
    fill_bytes(zero, start + real * pixel_bytes, (width - left - real) * pixel_bytes)
