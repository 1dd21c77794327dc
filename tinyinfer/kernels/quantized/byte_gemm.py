"""y[P, N] = codes of x[P, K] @ w[K, N], as `gemm` does with floats: on AMX tiles, or four products a lane.

Blocks of rows are outermost, so that each stays in L2 while all panels pass over it; within a panel some rows at a time
leave their sums in L1 or L2, and `finish` makes codes of them.

Rows are read where they lie, padding and all.  The last ones, behind which there may be nothing to be read, are copied
first (`tail_rows`), and so are those that make no whole tile.  For tiles all rows are copied if they lie badly: such as
span cache lines, and such as crowd into a few sets of L1, where of 16 rows 1024 bytes apart every fourth is in the
same.
"""

from __future__ import annotations

from typing import NamedTuple

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen.amx import TILE
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows
from tinyinfer.kernels.codegen.cpu import LANES, has_amx
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.jit import inline, load, shared
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.quantized.byte_panels import DEPTH, MR, NR, WEIGHT, Runs, dot_panel, padded
from tinyinfer.kernels.quantized.byte_tiles import CHUNK_STEPS, PAIR, STEP, configure, release, tile_panel
from tinyinfer.kernels.quantized.epilogue.finish import Grid, finish
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.kernels.quantized.row_terms import row_terms

TILES = has_amx()
UNIT, HEIGHT = (PAIR, TILE) if TILES else (MR, 1)  # rows that are dealt out, and that are read together
FEW_ROWS = 2  # that are not worth a tile of 16
STEP_COST, TILE_COST = 6, 4  # of a tile's step, and of a tile besides, in steps of four products a lane
BLOCK_BYTES = 256 * 1024  # of inputs and outputs of a block: a quarter of a usual L2, the rest is for weights
L2_BYTES = 640 * 1024  # of a 1 MiB L2, where weights only pass through it; the rest is for their panels
LARGEST_BLOCK = 4096  # rows
WHOLE = 4 * LANES if PAIRED else DEPTH  # bytes: rows are read in so many, though what is behind them does not count
MOST_READ = WHOLE - 1  # bytes behind a row
CROWDED = 512  # bytes: rows a multiple of that apart are in at most 8 of the 64 sets of a usual L1
MANY_PANELS = 4  # that rows have to pass over before copying them pays


def block_rows(k: int, n: int) -> int:
    """Rows that pass over all weights before the next rows do; as `gemm.block_rows`, in bytes."""
    as_large_as_weights = min(k * n // (k + n), L2_BYTES // k)
    rows = min(LARGEST_BLOCK, max(BLOCK_BYTES // (k + n), as_large_as_weights))
    return max(UNIT, rows // UNIT * UNIT)


def on_tiles(runs: int, size: int) -> bool:
    """Whether products of so many runs are faster on tiles, which take whole steps of 64 codes."""
    return TILES and TILE_COST + STEP_COST * runs * -(-size // STEP) < runs * -(-size // 4)


def sums_rows(k: int) -> int:
    """Rows whose sums are there at a time: with so long a K that it is taken in chunks, more of them."""
    return 16 * UNIT if TILES and k > CHUNK_STEPS * STEP else 2 * UNIT if TILES else 4 * UNIT


def tail_rows(k: int) -> int:
    """Rows at most that are copied: those behind which too few bytes follow, and what is left of a tile."""
    return -(-(MOST_READ // k + HEIGHT) // HEIGHT) * HEIGHT


def copy_pays(stride: int, n: int) -> bool:
    """Whether rows so many bytes apart are better copied for tiles, and there are panels enough that it pays."""
    return TILES and n >= MANY_PANELS * NR and (stride % CROWDED == 0 or stride % 64 != 0)


def copied_rows(k: int) -> int:
    """Rows of a block that are copied at a time because they crowd."""
    return min(LARGEST_BLOCK, max(UNIT, BLOCK_BYTES // k // UNIT * UNIT))


def spread(size: int) -> int:
    """Bytes from one to the next of rows of this size so that they do not crowd: an odd number of cache lines."""
    return size + 64 if TILES and size % 128 == 0 else size


def product_bytes(k: int, copies: bool = False) -> int:
    """Workspace of `multiply_rows`: sums, a term for each row, and the rows that are copied."""
    terms, rows = (LARGEST_BLOCK + tail_rows(k)) * 4, copied_rows(k) if copies else tail_rows(k)
    return sums_rows(k) * NR * 4 + -(-terms // 64) * 64 + rows * spread(padded(k)) + 64


@struct
class CodeWeights(NamedTuple):
    """Packed weights of ``n`` outputs, whose inputs come in runs, less ``zero``."""

    address: Address
    runs: Runs
    n: int
    zero: int

    def columns(self, first: int, end: int) -> CodeWeights:
        """Those of some outputs, whole panels but for the last."""
        depth = (self.runs.size + (DEPTH - 1)) // DEPTH * DEPTH * self.runs.number
        return CodeWeights(self.address + first * depth * WEIGHT, self.runs, end - first, self.zero)


_padded, _block_rows, _sums_rows, _tail_rows = map(inline, (padded, block_rows, sums_rows, tail_rows))
_on_tiles, _copied_rows, _spread = map(inline, (on_tiles, copied_rows, spread))


@shared(
    x=ByteRows, grid=Grid, runs=Runs, w="address", y=Results, columns="int", epilogue=Requantize, sums="address",
    tiles="int",
)  # fmt: skip
def panel_of_grid(x, grid, runs, w, y, columns, epilogue, sums, tiles):
    """Results y[pixels, columns] of a panel of weights; a tile goes on from one line to the next."""
    if TILES and tiles != 0:
        rows = (grid.lines - 1) * grid.pitch + grid.width
        tile_panel(x, rows, runs, w, columns, epilogue.bias, sums)
    else:
        for line in range(grid.lines):
            p = line * grid.pitch
            dot_panel(x.at(p), grid.width, runs, w, columns, epilogue.bias, sums + p * NR * 4)
    finish(sums, NR, grid, y, columns, epilogue)


@inline
def _panel_of_rows(x, rows, runs, w, y, columns, epilogue, sums, tiles):
    step = _sums_rows(runs.size)
    for p in range(0, rows, step):
        count = min(step, rows - p)
        grid = Grid(1, count, count)
        panel_of_grid(x.at(p), grid, runs, w, y.at(p), columns, epilogue.at(p), sums, tiles)


@inline
def _in_place(x, end, rows, k, tiles):
    """How many rows can be read where they lie."""
    depth = _padded(k) if tiles else -(-k // 4) * 4 if not PAIRED else -(-k // WHOLE) * WHOLE
    safe = min(rows, max(0, (end - x.address - depth + x.stride) // x.stride))
    return safe // HEIGHT * HEIGHT if tiles else safe


@inline
def multiply_rows(x, end, rows, weights, y, epilogue, copies, memory):
    """Results y[rows, n] of rows of one run, behind which memory can be read up to ``end``.

    ``memory`` is the address of `product_bytes`; with ``copies`` all rows are copied first.
    """
    runs, n = weights.runs, weights.n
    k, tiles = runs.size, int(rows > FEW_ROWS and _on_tiles(1, runs.size))
    depth, split = _padded(k), 0 if copies else _in_place(x, end, rows, k, tiles)
    block = _copied_rows(k) if copies else _block_rows(k, n)
    terms = memory + _sums_rows(k) * NR * 4
    copied = ByteRows(terms + -(-(LARGEST_BLOCK + _tail_rows(k)) * 4 // 64) * 64, _spread(depth))
    if TILES and tiles:
        configure()
    p = 0
    while p < rows:
        count = max(0, min(block, split - p))
        more = min(block, rows - p) if copies else rows - split if p + count == split else 0
        copy_byte_rows(x.at(p + count).address, x.stride, copied.address, copied.stride, more, k)
        own = epilogue.at(p)
        if PAIRED or weights.zero != 0:
            row_terms(x.at(p), Grid(1, count, count), runs, weights.zero, terms)
            row_terms(copied, Grid(1, more, more), runs, weights.zero, terms + count * 4)
            own = own.with_row_terms(terms)
        for start in range(0, n, NR):
            w, columns, last = weights.address + start * depth * WEIGHT, min(NR, n - start), own.at(0, start)
            to = y.at(p, start)
            _panel_of_rows(x.at(p), count, runs, w, to, columns, last, memory, tiles)
            _panel_of_rows(copied, more, runs, w, to.at(count), columns, last.at(count), memory, tiles)
        p += count + more
    if TILES and tiles:
        release()


load(finish, dot_panel, *([tile_panel] if TILES else []), panel_of_grid)
