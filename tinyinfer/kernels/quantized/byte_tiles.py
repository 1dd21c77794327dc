"""Products of codes and weights on AMX tiles: 16 rows of 64 codes by 64 x 16 weights at a time.

Both are read where they lie: a tile of inputs is 64 bytes of 16 rows, and a panel of `byte_panels` is tiles side by
side.  So 16 rows are read whole, and from each as many bytes as the weights are padded to; what is read too much is
multiplied by zeros, or its sums are nobody's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.amx import ROW_BYTES, TILE
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.quantized.byte_panels import NR, PANEL, Runs

PAIR = 2 * TILE  # rows of the sums that four tile registers hold
STEP = ROW_BYTES  # codes of K that one product takes
CHUNK_STEPS = 12  # of a panel's K at most: 24 KiB, which stay in L1 while all rows pass over them


@struct
class Chunk(NamedTuple):
    """A part of a panel's K: some runs, and of each of them ``steps``, whose weights begin ``run_bytes`` apart.

    Each step meanwhile brings ``share`` bytes of what follows to L2, the next chunk or panel.
    """

    runs: Runs
    steps: int
    run_bytes: int
    share: int


def microkernel(
    v: Any, rows: int, columns: int, x: Any, chunk: Any, w: Any, ahead: Any, bias: Any, sums: Any, more: Any
) -> None:
    """Emit the products of ``rows`` x ``columns`` tiles (1 or 2 each), whose sums go to sums[32, NR].

    They begin with the bias or, with ``more``, with what is there.
    """
    tiles = [(i, j) for i in range(rows) for j in range(columns)]
    width = columns * TILE * 4  # bytes of a row of the panel

    def sums_of(i: int, j: int) -> tuple[Any, int]:
        return sums + (i * TILE * NR + j * TILE) * 4, NR * 4

    with v.either(more != 0) as (go_on, begin):
        with go_on:
            for i, j in tiles:
                amx.load(v, i * 2 + j, *sums_of(i, j))
        with begin:
            for i, j in tiles:
                amx.load(v, i * 2 + j, bias + j * (TILE * 4), 0)
    with v.loop(chunk.runs.number) as run, v.loop(chunk.steps) as step:
        codes = x.address + v.load_int(chunk.runs.offsets, run) + step * STEP
        weights = w + run * chunk.run_bytes + step * (STEP // 4 * width)
        for i in range(rows):
            amx.load(v, 4 + i, codes + x.stride * (i * TILE), x.stride)
        for j in range(columns):
            amx.load(v, 6 + j, weights + j * (TILE * 4), width)
        with v.loop(chunk.share, 64) as at:
            v.prefetch(ahead + (run * chunk.steps + step) * chunk.share + at)
        for i, j in tiles:
            amx.multiply_codes(v, i * 2 + j, 4 + i, 6 + j)
    for i, j in tiles:
        amx.store(v, i * 2 + j, *sums_of(i, j))


@vector_function(
    x=ByteRows, rows="int", columns="int", chunk=Chunk, w="address", ahead="address", bias="address", sums="address",
    more="int",
)  # fmt: skip
def _multiply(v, x, rows, columns, chunk, w, ahead, bias, sums, more):
    """The microkernel for as many tiles as there are."""
    with v.either(rows > TILE) as (tall, low):
        for height, is_high in ((2, tall), (1, low)):
            with is_high, v.either(columns > TILE) as (wide, narrow):
                for width, is_wide in ((2, wide), (1, narrow)):
                    with is_wide:
                        microkernel(v, height, width, x, chunk, w, ahead, bias, sums, more)


@vector_function()
def configure(v):
    """Take the tile registers for this thread."""
    amx.configure(v)


@vector_function()
def release(v):
    """Give them back."""
    amx.release(v)


@shared(**PANEL)
def tile_panel(x, rows, runs, w, columns, bias, sums):
    """`dot_panel` on tiles, between `configure` and `release`; rows are read up to a multiple of 16."""
    across, pairs = NR if columns > TILE else TILE, -(-rows // PAIR)
    steps, step_bytes = -(-runs.size // STEP), STEP * across
    pieces, share = -(-steps // CHUNK_STEPS), -(-step_bytes // 64 // pairs) * 64
    together = max(1, CHUNK_STEPS // steps)
    for run in range(0, runs.number, together):
        some = Runs(runs.offsets + run * 8, min(together, runs.number - run), runs.size)
        for piece in range(pieces):
            first, end = steps * piece // pieces, steps * (piece + 1) // pieces
            panel, all_steps = w + (run * steps + first) * step_bytes, some.number * (end - first)
            chunk = Chunk(some, end - first, steps * step_bytes, share)
            for t in range(pairs):
                p, ahead = t * PAIR, panel + all_steps * (step_bytes + t * share)
                _multiply(
                    x.at(p, first * STEP), rows - p, columns, chunk, panel, ahead, bias, sums + p * (NR * 4),
                    run + piece,
                )  # fmt: skip
