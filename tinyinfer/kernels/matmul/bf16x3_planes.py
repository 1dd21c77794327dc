"""Inputs of a convolution as planes of bfloat16 halves, laid out so that every tap is the same planes begun elsewhere.

A band of input rows with its border goes into planes, where what a tap reads for output position p is position p plus
a constant.  A strided convolution becomes one of stride 1 by polyphase decomposition: with stride s there are s * s
phases, each of which holds every s-th pixel of every s-th row.  So with a 3x3 kernel at stride 2, for three rows of
three outputs, letters being phases and numbers positions in them:

    padded inputs           phase a       phase b      phase c       phase d      outputs
    a0 b0 a1 b1 a2 b2 a3    0 1  2  3     0 1  2 .     0 1  2  3     0 1  2 .     0 1  2
    c0 d0 c1 d1 c2 d2 c3    4 5  6  7     4 5  6 .     4 5  6  7     4 5  6 .     4 5  6
    a4 b4 a5 b5 a6 b6 a7    8 9 10 11     8 9 10 .     8 9 10 11     8 9 10 .     8 9 10
    c4 d4 c5 d5 c6 d6 c7   12 ...        12 ...
    a8 b8 ...

Output 0 sees a0 b0 a1, c0 d0 c1 and a4 b4 a5, and output p the same p positions further on.  So the nine taps are
products of what begins at a0, b0, a1, c0, d0, c1, a4, b4 and a5 (`tap_offsets`), and 16 positions from any of these on
are a tile.  Rows are as far apart in all phases: the ``pitch`` of 4 is one more than there are outputs, as a window
reaches into the next position.  Output 3 is no pixel, and its sums are not stored.  The last tiles read up to OVERRUN
positions behind those that are there.

Where there are few channels, as in the first layer of a network, most of a position's 32 would be padding.  Then the
planes are ``folded``: a position holds a whole row of a window, of three pixels of three channels 9 numbers, there are
no phases across, and taps are the rows of the kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.amx import DEPTH, ROW_BYTES, TILE
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.memory import copy_padded_row, fill_rows
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct

POSITION_BYTES = ROW_BYTES  # what a position takes in a plane
POSITION_FLOATS = POSITION_BYTES // 4
OVERRUN = 2 * TILE  # positions behind the last that tiles read, and nobody uses


class Layout(NamedTuple):
    """How the planes of a band are laid out, for images of ``c`` channels and windows of this geometry."""

    geometry: Geometry
    c: int
    folded: bool  # a position holds a row of a window
    depth: int  # channels of a position
    vertical: int  # phases down and across: at most as many as the stride
    horizontal: int
    rows: int  # of a phase
    pitch: int  # positions from one row to the next
    plane_bytes: int

    @property
    def phase_positions(self) -> int:
        """Positions of a phase."""
        return self.rows * self.pitch + OVERRUN

    @property
    def floats(self) -> int:
        """Memory of all planes."""
        return plane_count(self.depth) * self.plane_bytes // 4

    @property
    def row_floats(self) -> int:
        """What another row of outputs adds, in all planes."""
        return plane_count(self.depth) * self.vertical * self.horizontal * self.pitch * POSITION_FLOATS


def plane_count(depth: int) -> int:
    """Planes for so many channels: a high and a low half for each block of 32."""
    return 2 * -(-depth // DEPTH)


def plane_size(positions: int) -> int:
    """Bytes from a plane to the next for so many positions and what tiles read behind them.

    Tiles of the same positions in several planes are in L1 together.  A whole number of pages apart they would share a
    part of its sets.
    """
    size = -(-(positions + OVERRUN) * POSITION_BYTES // 1024) * 1024
    return size + 1024 * (size % 4096 == 0)


def layout(geometry: Geometry, c: int, band: int, folded: bool) -> Layout:
    """The layout for ``band`` rows of outputs of a convolution."""
    _, _, _, out_w, kh, kw, stride_h, stride_w, _, _, dilation_h, dilation_w = geometry
    reach_h, reach_w = (kh - 1) * dilation_h, (kw - 1) * dilation_w * (not folded)
    vertical, horizontal = min(stride_h, reach_h + 1), min(stride_w, reach_w + 1)
    rows, pitch = band + reach_h // stride_h, out_w + reach_w // stride_w
    plane_bytes = plane_size(vertical * horizontal * (rows * pitch + OVERRUN) - OVERRUN)
    return Layout(geometry, c, folded, kw * c if folded else c, vertical, horizontal, rows, pitch, plane_bytes)


def tap_offsets(planes: Layout) -> np.ndarray:
    """Bytes from output position 0 to what each tap reads for it, row by row of the kernel; int64."""
    _, _, _, _, kh, kw, stride_h, stride_w, _, _, dilation_h, dilation_w = planes.geometry
    positions = [
        (i % stride_h * planes.horizontal + j % stride_w) * planes.phase_positions
        + i // stride_h * planes.pitch
        + j // stride_w
        for i in range(0, kh * dilation_h, dilation_h)
        for j in range(0, 1 if planes.folded else kw * dilation_w, dilation_w)
    ]
    return np.array(positions, np.int64) * POSITION_BYTES


@struct
class Planes(NamedTuple):
    """Inputs split in two: for each block of 32 channels a plane of high halves, then one of low ones.

    The first position's 64 bytes lie at ``address``, those of the others behind it; so for each plane, ``plane_bytes``
    further on.
    """

    address: Address
    plane_bytes: int
    blocks: int

    def at(self, position: int) -> Planes:
        """The planes from a position on."""
        return Planes(self.address + position * POSITION_BYTES, self.plane_bytes, self.blocks)

    def block(self, block: int) -> Planes:
        """The planes from a block on."""
        return Planes(self.address + block * self.plane_bytes * 2, self.plane_bytes, self.blocks - block)

    def some(self, position: int, block: int, blocks: int) -> Planes:
        """The planes of some blocks, from a position on."""
        address = self.address + position * POSITION_BYTES + block * self.plane_bytes * 2
        return Planes(address, self.plane_bytes, blocks)


@vector_function(x=Rows, count="int", c="int", gate="address", to=Planes)
def split_rows(v, x, count, c, gate, to):
    """``count`` rows of c floats to planes from a position on, times gate[c] unless that is 0."""
    blocks = c // DEPTH
    rest = c - blocks * DEPTH
    with v.either(gate != 0) as (gated, plain):
        for case, factor in ((gated, gate), (plain, None)):
            with case:
                with v.loop(blocks) as block:
                    _split_block(v, x, count, block, factor, to, None)
                with v.when(rest != 0):
                    masks = v.mask(rest), v.mask(rest - LANES)
                    _split_block(v, x, count, blocks, factor, to, masks)


def _split_block(v, x, count, block, gate, to, masks):
    def vector(address, offset, half):
        return v.load_masked(address, offset, masks[half]) if masks else v.load(address, offset)

    first = block * DEPTH
    factors = [vector(gate, first + half * LANES, half) for half in (0, 1)] if gate is not None else None
    high_plane = to.block(block).address
    low_plane = high_plane + to.plane_bytes
    with v.loop(count) as p:
        values = [vector(x.address, p * x.stride + first + half * LANES, half) for half in (0, 1)]
        if factors:
            values = [v.mul(value, factor) for value, factor in zip(values, factors, strict=True)]
        high, low = amx.halves(v, *values)
        v.store(high, high_plane, p * POSITION_FLOATS)
        v.store(low, low_plane, p * POSITION_FLOATS)


@inline
def split_band(x, layout, image, oy, rows, planes, line):
    """The input rows that ``rows`` rows of outputs from ``oy`` on read, zeros where there is no pixel.

    ``line`` is the address of workspace for a padded row of inputs, if the layout is folded.
    """
    h, w, _, out_w, _, kw, stride_h, stride_w, top, left, _, _ = layout.geometry
    c, pitch = layout.c, layout.pitch
    for py in range(layout.vertical):
        for px in range(layout.horizontal):
            first = min(pitch, max(0, -(-(left - px) // stride_w)))
            end = max(first, min(pitch, (w - 1 + left - px) // stride_w + 1))
            phase = (py * layout.horizontal + px) * (layout.rows * pitch + OVERRUN)
            for row in range(rows):
                iy, to = (oy + row) * stride_h + py - top, planes.at(phase + row * pitch)
                if iy < 0 or iy >= h:
                    clear(to, pitch)
                elif layout.folded:
                    copy_padded_row(x.at((image * h + iy) * w), c, w, left, (out_w - 1) * stride_w + kw, line)
                    split_rows(Rows(line, stride_w * c), out_w, layout.depth, 0, to)
                else:
                    pixels = x.at((image * h + iy) * w + first * stride_w + px - left)
                    clear(to, first)
                    split_rows(Rows(pixels.address, stride_w * x.stride), end - first, c, 0, to.at(first))
                    clear(to.at(end), pitch - end)


@inline
def clear(planes, count):
    """Zeros at the first ``count`` positions of all planes."""
    fill_rows(np.float32(0), planes.address, planes.plane_bytes // 4, 2 * planes.blocks, count * POSITION_FLOATS)
