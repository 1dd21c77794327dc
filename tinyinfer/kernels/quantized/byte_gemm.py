"""y[P, N] = codes of x[P, K] @ w[K, N], as `gemm` does with floats: on AMX tiles, or four products a lane.

Blocks of rows are outermost, so that each stays in L2 while all panels pass over it; within a panel some rows at a time
leave their sums in L1 or L2, and `finish` makes codes of them.

Rows are read where they lie, padding and all.  The last ones, behind which there may be nothing to be read, are copied
first (`tail_rows`), and so are those that make no whole tile.  For tiles all rows are copied if they lie badly: such as
span cache lines, and such as crowd into a few sets of L1, where of 16 rows 1024 bytes apart every fourth is in the
same.
"""

from __future__ import annotations

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen.amx import TILE
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows
from tinyinfer.kernels.codegen.cpu import LANES, has_amx
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.jit import inline, load, shared
from tinyinfer.kernels.quantized.byte_panels import DEPTH, MR, NR, dot_panel, padded
from tinyinfer.kernels.quantized.byte_tiles import CHUNK_STEPS, PAIR, PRODUCT, STEP, configure, release, tile_product
from tinyinfer.kernels.quantized.epilogue.finish import Grid, finish, finishes_beside
from tinyinfer.kernels.quantized.row_terms import row_terms
from tinyinfer.kernels.quantized.tile_pipeline import tile_pipeline

TILES = has_amx()
UNIT, HEIGHT = (PAIR, TILE) if TILES else (MR, 1)  # rows that are dealt out, and that are read together
FEW_SUMS = 2 * UNIT if TILES else 4 * UNIT  # rows whose sums stay in L1
MANY_SUMS = 16 * UNIT  # of tiles whose sums are kept from chunk to chunk
FEW_ROWS = 2  # that are not worth a tile of 16
STEP_COST, TILE_COST = 3, 4  # of a tile's step, and of a tile besides, in steps of four products a lane
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
    """Rows at most whose sums are there at a time: on tiles more, if K is so long that it is taken in chunks."""
    return MANY_SUMS if TILES and k > CHUNK_STEPS * STEP else FEW_SUMS


def rows_together(k: int, tiles: int, beside: int) -> int:
    """Rows at most of one product: those of a block, but for tiles that keep all sums from chunk to chunk."""
    if not tiles or (beside and k <= CHUNK_STEPS * STEP):
        return LARGEST_BLOCK
    return MANY_SUMS if k > CHUNK_STEPS * STEP else FEW_SUMS


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


_padded, _block_rows, _sums_rows, _tail_rows = map(inline, (padded, block_rows, sums_rows, tail_rows))
_on_tiles, _rows_together, _copied_rows, _spread = map(inline, (on_tiles, rows_together, copied_rows, spread))
_finishes_beside = inline(finishes_beside)


@shared(**PRODUCT, tiles="int")
def product_of_grid(x, grid, weights, y, epilogue, sums, tiles):
    """Results y[pixels, n] of a grid; a tile goes on from one line to the next."""
    if TILES and tiles != 0:
        tile_product(x, grid, weights, y, epilogue, sums)
        return
    step = FEW_SUMS if grid.lines == 1 else grid.width
    for start in range(0, weights.n, NR):
        panel, columns, own = weights.columns(start, weights.n), min(NR, weights.n - start), epilogue.at(0, start)
        for p in range(0, grid.width, step):
            part = Grid(grid.lines, grid.pitch, min(step, grid.width - p))
            for line in range(grid.lines):
                place = line * grid.pitch
                rows = x.at(p + place)
                dot_panel(rows, part.width, panel.runs, panel.address, columns, own.bias, sums + place * NR * 4)
            finish(sums, NR, part, y.at(p, start), columns, own.at(p))


@inline
def _product_of_rows(x, rows, weights, y, epilogue, sums, tiles):
    beside = int(_finishes_beside(epilogue))
    step = _rows_together(weights.runs.size, tiles, beside)
    for p in range(0, rows, step):
        count = min(step, rows - p)
        if TILES and tiles and beside:
            tile_pipeline(x.at(p), count, weights, y.at(p), epilogue.at(p), sums)
        else:
            product_of_grid(x.at(p), Grid(1, count, count), weights, y.at(p), epilogue.at(p), sums, tiles)


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
        _product_of_rows(x.at(p), count, weights, y.at(p), own, memory, tiles)
        _product_of_rows(copied, more, weights, y.at(p + count), own.at(count), memory, tiles)
        p += count + more
    if TILES and tiles:
        release()


load(finish, dot_panel, *([tile_product, tile_pipeline] if TILES else []), product_of_grid)
