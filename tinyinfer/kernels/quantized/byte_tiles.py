"""Products of codes and weights on AMX tiles: 16 rows of 64 codes by 64 x 16 weights at a time.

Both are read where they lie: a tile of inputs is 64 bytes of 16 rows, and a panel of `byte_panels` is tiles side by
side.  So 16 rows are read whole, and from each as many bytes as the weights are padded to; what is read too much is
multiplied by zeros, or its sums are nobody's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.amx import ROW_BYTES, TILE
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.quantized.byte_panels import NR, CodeWeights, Runs
from tinyinfer.kernels.quantized.epilogue.finish import Grid, finish
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results

PAIR = 2 * TILE  # rows of the sums that four tile registers hold
STEP = ROW_BYTES  # codes of K that one product takes
SUMS_ROW = NR * 4  # bytes
CHUNK_STEPS = 12  # of a panel's K at most: 24 KiB, which stay in L1 while all rows pass over them
PRODUCT = {
    "x": ByteRows, "grid": Grid, "weights": CodeWeights, "y": Results, "epilogue": Requantize, "sums": "address"
}  # fmt: skip


@struct
class Chunk(NamedTuple):
    """A part of a panel's K: some runs, and of each of them ``steps``, whose weights begin ``run_bytes`` apart.

    Each step of a pair of tiles brings ``share`` bytes to L2 of what follows, the next chunk or panel.
    """

    runs: Runs
    steps: int
    address: Address
    run_bytes: int
    share: int


def _place(sums: Any, i: int, j: int) -> tuple[Any, int]:
    """Where a tile of sums[32, NR] begins, and bytes from one of its rows to the next."""
    return sums + i * TILE * SUMS_ROW + j * TILE * 4, SUMS_ROW


def begin(v: Any, rows: int, columns: int, bias: Any, sums: Any, more: Any) -> None:
    """Emit what loads the bias into registers of ``rows`` x ``columns`` tiles (1 or 2 each), or with ``more`` sums."""
    tiles = [(i, j) for i in range(rows) for j in range(columns)]
    with v.either(more != 0) as (go_on, anew):
        with go_on:
            for i, j in tiles:
                amx.load(v, i * 2 + j, *_place(sums, i, j))
        with anew:
            for i, j in tiles:
                amx.load(v, i * 2 + j, bias + j * (TILE * 4), 0)


def microkernel(
    v: Any, rows: int, columns: int, x: Any, chunk: Any, pair: Any, meanwhile: Callable[[], None] | None = None
) -> None:
    """Emit the products of as many tiles, which are added to their registers; ``meanwhile`` emits what others do."""
    width = columns * TILE * 4  # bytes of a row of the panel
    step_bytes = STEP // 4 * width
    ahead = chunk.address + (pair * chunk.share + step_bytes) * chunk.runs.number * chunk.steps
    with v.loop(chunk.runs.number) as run:
        row, panel = x.address + v.load_int(chunk.runs.offsets, run), chunk.address + run * chunk.run_bytes
        with v.loop(chunk.steps) as step:
            codes, weights = row + step * STEP, panel + step * step_bytes
            for i in range(rows):
                amx.load(v, 4 + i, codes + x.stride * (i * TILE), x.stride)
            for j in range(columns):
                amx.load(v, 6 + j, weights + j * (TILE * 4), width)
            with v.loop(chunk.share, 64) as at:
                v.prefetch(ahead + (run * chunk.steps + step) * chunk.share + at)
            for i in range(rows):
                for j in range(columns):
                    amx.multiply_codes(v, i * 2 + j, 4 + i, 6 + j)
                    if meanwhile is not None:
                        meanwhile()


def store(v: Any, rows: int, columns: int, sums: Any) -> None:
    """Emit what writes the sums in registers to sums[32, NR]."""
    for i in range(rows):
        for j in range(columns):
            amx.store(v, i * 2 + j, *_place(sums, i, j))


def by_size(v: Any, rows: Any, columns: Any, emit: Callable[[int, int], None]) -> None:
    """Emit the code for as many tiles as there are of a pair, down and across."""
    with v.either(rows > TILE) as (tall, low):
        for height, is_high in ((2, tall), (1, low)):
            with is_high, v.either(columns > TILE) as (wide, narrow):
                for width, is_wide in ((2, wide), (1, narrow)):
                    with is_wide:
                        emit(height, width)


@vector_function(
    x=ByteRows, rows="int", columns="int", chunk=Chunk, pair="int", bias="address", sums="address", more="int",
)  # fmt: skip
def _multiply(v, x, rows, columns, chunk, pair, bias, sums, more):
    """The products of a chunk and a pair of tiles, or as many of them as there are."""

    def emit(height, width):
        begin(v, height, width, bias, sums, more)
        microkernel(v, height, width, x, chunk, pair)
        store(v, height, width, sums)

    by_size(v, rows, columns, emit)


@vector_function()
def configure(v):
    """Take the tile registers for this thread."""
    amx.configure(v)


@vector_function()
def release(v):
    """Give them back."""
    amx.release(v)


@shared(**PRODUCT)
def tile_product(x, grid, weights, y, epilogue, sums):
    """Results y[pixels, n] of a grid and all panels of weights, between `configure` and `release`.

    Rows are read up to a multiple of 32, and all their sums have a place.
    """
    runs, n, w = weights.runs, weights.n, weights.address
    positions = (grid.lines - 1) * grid.pitch + grid.width
    pairs, steps = -(-positions // PAIR), -(-runs.size // STEP)
    pieces, together = -(-steps // CHUNK_STEPS), max(1, CHUNK_STEPS // steps)
    for column in range(0, n, NR):
        bias, step_bytes = epilogue.bias + column * 4, STEP * NR if n - column > TILE else STEP * TILE
        share = -(-step_bytes // 64 // pairs) * 64
        for run in range(0, runs.number, together):
            some = Runs(runs.offsets + run * 8, min(together, runs.number - run), runs.size)
            for piece in range(pieces):
                first, end = steps * piece // pieces, steps * (piece + 1) // pieces
                panel = w + (run * steps + first) * step_bytes
                chunk = Chunk(some, end - first, panel, steps * step_bytes, share)
                for t in range(pairs):
                    rows, place = x.at(t * PAIR, first * STEP), sums + t * PAIR * SUMS_ROW
                    _multiply(rows, positions - t * PAIR, n - column, chunk, t, bias, place, run + piece)
        finish(sums, NR, grid, y.at(0, column), min(NR, n - column), epilogue.at(0, column))
        w += runs.number * steps * step_bytes
