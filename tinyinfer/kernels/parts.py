"""How rows of channels are dealt out to threads.

A kernel and its parallel twin are both written out, here as in every file: Numba's cache never finds again what a
factory of functions has made, since it takes the functions they close over for new ones in every process.
"""

from __future__ import annotations

from tinyinfer.kernels.base import FeatureMap
from tinyinfer.kernels.jit import inline

SMALL = 16 * 1024  # floats below which waking a second thread costs more than it saves in simple loops


def partition(rows: int, blocks: int, threads: int) -> tuple[int, int]:
    """(row_parts, block_parts): channels are split where the rows would leave a thread idle for long."""
    if rows % threads == 0 or rows >= 8 * threads or blocks < threads:
        return threads, 1
    return 1, threads


@inline
def piece(part, rows, blocks, row_parts, block_parts):
    """Bounds of one of row_parts x block_parts pieces."""
    i, j = part // block_parts, part % block_parts
    return (
        rows * i // row_parts, rows * (i + 1) // row_parts,
        blocks * j // block_parts, blocks * (j + 1) // block_parts,
    )  # fmt: skip


@inline
def own_rows(t, rows, threads):
    """Rows of thread t: the same part of every map, whatever its size, stays with the core that wrote it."""
    return rows * t // threads, rows * (t + 1) // threads


def as_one_row(*maps: FeatureMap) -> tuple[int, int]:
    """Rows and channels of maps of one shape: all is one row where nothing lies between the pixels of any."""
    first = maps[0]
    if all(m.pixel_stride == m.c for m in maps):
        return 1, first.pixels * first.c
    return first.pixels, first.c
