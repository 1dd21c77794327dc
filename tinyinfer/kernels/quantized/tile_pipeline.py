"""Products of codes on AMX tiles, and beside them the results of those before.

While the tile unit multiplies a pair of tiles, the other units make results of the sums of the pair before, if there
is little of each between two pieces of the other: what waits for its turn fills the queue that both share.  Sums have
one place in memory; those of a pair are stored when those of the one before have been read.  Panels follow each other
without a gap:

    multiply 0 | store 0 | multiply 1, finish 0 | store 1 | multiply 2, finish 1 | store 2 | ... | finish n
"""

from __future__ import annotations

from typing import NamedTuple

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen.amx import TILE
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.quantized.byte_panels import NR, CodeWeights, Runs
from tinyinfer.kernels.quantized.byte_tiles import (
    CHUNK_STEPS,
    PAIR,
    STEP,
    SUMS_ROW,
    Chunk,
    begin,
    by_size,
    microkernel,
    store,
)
from tinyinfer.kernels.quantized.epilogue.finish import Grid, TileRows, finish
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results


@struct
class Turn(NamedTuple):
    """When sums begin and end: with ``more`` they go on from those that are there, ``last`` makes results of them.

    All pairs' sums are ``kept`` side by side, or have one place.  The last pair of the panel before begins at the row
    ``before`` and waits to be finished, or none does if that is -1.  With ``flush`` none waits in the end.  Beside each
    product ``results`` times two rows can be finished.
    """

    kept: int
    more: int
    last: int
    before: int
    flush: int
    results: int


@vector_function(
    x=ByteRows, rows="int", chunk=Chunk, column="int", n="int", y=Results, epilogue=Requantize, sums="address",
    turn=Turn,
)  # fmt: skip
def _multiply_and_finish(v, x, rows, chunk, column, n, y, epilogue, sums, turn):
    """The products of a chunk of the panel of a column, and the results of pairs that wait for that."""
    pairs, adding, full = (rows + (PAIR - 1)) // PAIR, epilogue.residual.stride != 0, v.int_constant(NR)
    columns = v.select(column + NR < n, full, n - column)
    with v.loop(pairs + turn.flush) as t:
        first, start = t == 0, t * PAIR
        place, bias = sums + start * turn.kept * SUMS_ROW, epilogue.bias + column * 4
        waiting = v.where(first, turn.before > -1, turn.last != 0)
        before, its_column = v.select(first, turn.before, start - PAIR), v.select(first, column - NR, column)
        its_rows, its_sums = rows - before, sums + before * turn.kept * SUMS_ROW
        own = y.at(before, its_column), epilogue.at(before, its_column)
        whole = v.intersection(rows - start > PAIR - 1, v.intersection(its_rows > PAIR - 1, columns == NR))

        def multiply(height, width, meanwhile=None):
            begin(v, height, width, bias, place, turn.more)
            microkernel(v, height, width, x.at(start), chunk, t, meanwhile)

        def multiply_beside(**case):
            multiply(2, 2, TileRows(v, PAIR, its_sums, SUMS_ROW, *own, turn.results, **case).some)

        with v.either(v.intersection(waiting, whole)) as (side_by_side, in_turn):
            with side_by_side, v.either(adding) as (residuals, alone):
                with residuals:
                    multiply_beside(adding=True, rounded=True)
                with alone:
                    multiply_beside()
            with in_turn:
                with v.when(t < pairs):
                    by_size(v, rows - start, columns, multiply)
                with v.when(waiting):
                    count = v.select(its_rows < PAIR, its_rows, PAIR)
                    grid, width = Grid(v.int_constant(1), count, count), v.select(first, full, columns)
                    v.call(finish, its_sums, full, grid, own[0], width, own[1])
        with v.when(t < pairs):
            by_size(v, rows - start, columns, lambda height, width: store(v, height, width, place))


@shared(
    x=ByteRows, rows="int", weights=CodeWeights, y=Results, epilogue=Requantize, sums="address",
)  # fmt: skip
def tile_pipeline(x, rows, weights, y, epilogue, sums):
    """Results y[rows, n] of rows of one run, as `tile_product` makes them, for a case of `finishes_beside`.

    There is a place for the sums of all rows if K is taken in chunks, else of one pair of tiles.
    """
    runs, n, w = weights.runs, weights.n, weights.address
    pairs, steps = -(-rows // PAIR), -(-runs.size // STEP)
    pieces, before = -(-steps // CHUNK_STEPS), -1
    for column in range(0, n, NR):
        step_bytes = STEP * NR if n - column > TILE else STEP * TILE
        share = -(-step_bytes // 64 // pairs) * 64
        for piece in range(pieces):
            first, end = steps * piece // pieces, steps * (piece + 1) // pieces
            chunk = Chunk(Runs(runs.offsets, 1, runs.size), end - first, w + first * step_bytes, 0, share)
            last, results = int(piece + 1 == pieces), -(-PAIR // 2 // (4 * (end - first)))
            turn = Turn(int(pieces > 1), piece, last, before, int(last and column + NR >= n), results)
            _multiply_and_finish(x.at(0, first * STEP), rows, chunk, column, n, y, epilogue, sums, turn)
            before = (pairs - 1) * PAIR if last else -1
        w += steps * step_bytes
