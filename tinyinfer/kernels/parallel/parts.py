"""How the rows and channels of a map are dealt out to threads."""

from __future__ import annotations

from typing import NamedTuple

from tinyinfer.kernels.base import FeatureMap
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline

SMALL = 16 * 1024  # floats below which waking a second thread costs more than it saves in simple loops
FEW_STEPS = 28  # rows of inputs, or tiles of a product: those of 28x28 maps for one of two threads


def partition(rows: int, blocks: int, threads: int) -> tuple[int, int]:
    """(row_parts, block_parts): channels are split where the rows would leave a thread idle for long."""
    if rows % threads == 0 or rows >= 8 * threads or blocks < threads:
        return threads, 1
    return 1, threads


def worthwhile(threads: int, count: int) -> int:
    """How many of the threads a simple loop over so many floats is worth."""
    return threads if count >= SMALL else 1


class Pieces(NamedTuple):
    """How a map is dealt out: its rows, its blocks of channels, and the parts that share the same rows."""

    rows: int
    blocks: int
    block_parts: int


@inline
def own_range(part, count, parts):
    """Bounds of one of the parts; the same of every map, whatever its size, so it stays with the core that wrote it."""
    return count * part // parts, count * (part + 1) // parts


@inline
def own_units(part, count, unit, parts):
    """Bounds of one of the parts, each of which is whole units but for the last."""
    units = -(-count // unit)
    return units * part // parts * unit, min(count, units * (part + 1) // parts * unit)


@inline
def own_piece(part, rows, blocks, parts, block_parts):
    """Bounds in rows and in blocks of one of the parts, of which ``block_parts`` share the same rows."""
    p0, p1 = own_range(part // block_parts, rows, parts // block_parts)
    b0, b1 = own_range(part % block_parts, blocks, block_parts)
    return p0, p1, b0, b1


@inline
def walks_up(part, parts, steps):
    """Whether a part takes its rows from the last one up: the first of several, so that the next one's lie behind it.

    AMD's CPUs fetch some steps beyond those that a walk has come to (`pages.APART`), and take them from the core that
    writes there.  Of many steps these are a small part, and to walk up gains nothing.
    """
    return part == 0 and parts > 1 and steps <= FEW_STEPS


@inline
def own_memory(part, memory, parts):
    """One part of a flat array."""
    size = memory.size // parts
    return memory[part * size : (part + 1) * size]


def as_one_row(*maps: FeatureMap) -> tuple[int, int]:
    """Rows and channels of maps of one shape: all is one row where nothing lies between the pixels of any."""
    first = maps[0]
    if all(m.pixel_stride == m.c for m in maps):
        return 1, first.pixels * first.c
    return first.pixels, first.c


def pieces_of(rows: int, channels: int, threads: int) -> tuple[Pieces, int]:
    """How rows of channels are dealt out, and to how many parts."""
    blocks = -(-channels // LANES)
    row_parts, block_parts = partition(rows, blocks, threads)
    return Pieces(rows, blocks, block_parts), row_parts * block_parts


@inline
def own_channels(part, parts, channels, pieces):
    """Rows from .. to of one of the parts, the first of its channels and how many."""
    p0, p1, b0, b1 = own_piece(part, pieces.rows, pieces.blocks, parts, pieces.block_parts)
    return p0, p1, b0 * LANES, min(channels, b1 * LANES) - b0 * LANES
