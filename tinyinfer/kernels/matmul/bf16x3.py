"""Float32 matrix products on bfloat16 matrix units: every number is split in two, every product is three.

x = high + low, both bfloat16 (8 bits each), holds 16 bits of x, and high * w_high + high * w_low + low * w_high is the
product but for at most 2^-15 of it; sums are float32 (Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial
Intelligence Datatype For Higher-Precision Computations", 2019).  Sums of them err by 4.5e-6 (rms) of their standard
deviation however long they are, those of float32 products by 3e-7 for 256 of them and 1e-6 for 4,608.  An infinite
input gives NaN.  Three products on AMX take far less time than one on the FMA units.

Inputs are split into planes of 32 channels: plane[block, half] holds 64 bytes for each position, so 16 positions from
any one on are a tile.  A convolution is a sum of products, one for each tap of its kernel, whose tiles begin
``taps[tap]`` bytes further on.

What tiles wait for is L1, whose 16 buffers hold each line on its way from L2, and from memory ten times as long.  So
taps come one after the other while their positions are in L1, and a panel of weights is taken chunk by chunk: all
positions pass over one, which stays in L1, before the next, and leave their sums in L2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Epilogue, Rows
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.amx import DEPTH, TILE, TILE_BYTES
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline, load, shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.matmul.bf16x3_planes import Planes
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.pointwise_math.fused_activation import activate

# largest error, as in base.py: a product errs by up to 1e-5 of itself, and single ones may be ten deviations large
TOLERANCE = 2e-4
PANEL = 2 * TILE  # rows and columns of the sums that four tile registers hold
STEP_BYTES = 4 * TILE_BYTES  # of weights that one step of the microkernel multiplies
CHUNK_STEPS = 3  # at least, of a chunk of weights: it stays in L1 while all positions pass over it
SUMS_FLOATS = PANEL * PANEL  # of a pair of tiles and a panel
# of tiles, up to which a chunk is some taps of a block, not all: faster at 7x7 and 10x10, slower at 14x14
FEW_PAIRS = 4
ONE_TAP = np.zeros(1, np.int64)  # the taps of a plain matrix product


@struct
class Taps(NamedTuple):
    """Bytes by which the inputs of each tap of a kernel lie behind those of the first position: 64-bit integers."""

    offsets: Address
    number: int

    def some(self, first: int, count: int) -> Taps:
        """Some of them."""
        return Taps(self.offsets + first * 8, count)


@struct
class Positions(NamedTuple):
    """How many products of a window there are, and that of every ``pitch`` of them ``width`` are pixels."""

    number: int
    pitch: int
    width: int


def panel_floats(taps: int, depth: int) -> int:
    """Floats of a whole panel of weights."""
    return taps * -(-depth // DEPTH) * STEP_BYTES // 4


def sums_floats(positions: int) -> int:
    """Workspace of `tile_panels`."""
    return -(-positions // PANEL) * SUMS_FLOATS


def pack_tiles(w: np.ndarray) -> np.ndarray:
    """Weights [taps, C, N] -> panels of 32 outputs, each [blocks, taps, half, 1 or 2 tiles], padded with zeros."""
    taps, c, n = w.shape
    blocks = -(-c // DEPTH)
    packed = aligned_empty(taps * blocks * DEPTH * -(-n // TILE) * TILE)
    words, done = packed.view(np.uint32), 0
    for start in range(0, n, PANEL):  # one at a time, so that what lies between is still in cache
        panel = _pack_panel(w[:, :, start : start + PANEL], blocks)
        words[done : done + panel.size] = panel.reshape(-1)
        done += panel.size
    return packed


def _pack_panel(w: np.ndarray, blocks: int) -> np.ndarray:
    """[blocks, taps, half, tiles, 16 rows, 16 outputs] (uint32), the low half first.

    Row i of a tile holds channels i and i + 16 of each output side by side, as `amx.halves` joins two vectors.
    """
    taps, c, n = w.shape
    tiles = -(-n // TILE)
    padded = np.zeros((taps, blocks * DEPTH, tiles * TILE), np.float32)
    padded[:, :c, :n] = w
    rows = padded.reshape(taps, blocks, 2, TILE, tiles, TILE).transpose(2, 1, 0, 4, 3, 5)
    high, low = (half.view(np.uint32) for half in split_numbers(np.ascontiguousarray(rows)))
    return np.stack([half[0] >> 16 | half[1] for half in (low, high)], axis=2)


def split_numbers(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 numbers rounded to bfloat16, and what that took from them, rounded too; both as float32."""
    high = _rounded(x)
    return high, _rounded(x - high)


def _rounded(x: np.ndarray) -> np.ndarray:
    return ((x.view(np.uint32) + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)


def microkernel(v, rows, columns, planes, taps, w, sums, more, ahead, share):
    """Emit the products of ``rows`` x ``columns`` tiles (1 or 2 each), whose sums go to sums[32, 32].

    With ``more`` these are added to what is there.  The halves come in an order in which no tile is loaded twice:
    inputs' high and weights' low, both high, both ...  Each step meanwhile brings ``share`` bytes from ``ahead`` to L2.
    """
    tiles = [(i, j) for i in range(rows) for j in range(columns)]

    def sums_of(i, j):
        return sums + (i * TILE * PANEL + j * TILE) * 4, PANEL * 4

    def multiply_all():
        for i, j in tiles:
            amx.multiply(v, i * 2 + j, 4 + i, 6 + j)

    def load_all(first, count, address):
        for i in range(count):
            amx.load(v, first + i, address + i * TILE_BYTES)

    with v.either(more != 0) as (go_on, begin):
        for case in (go_on, begin):
            with case:
                for i, j in tiles:
                    amx.load(v, i * 2 + j, *sums_of(i, j)) if case is go_on else amx.zero(v, i * 2 + j)
    with v.loop(planes.blocks) as block, v.loop(taps.number) as tap:
        step, weights_bytes = block * taps.number + tap, 2 * columns * TILE_BYTES
        high, weights = planes.block(block).address + v.load_int(taps.offsets, tap), w + step * weights_bytes
        load_all(4, rows, high)
        load_all(6, columns, weights)
        multiply_all()
        with v.loop(share, 64) as at:
            v.prefetch(ahead + step * share + at)
        load_all(6, columns, weights + columns * TILE_BYTES)
        multiply_all()
        load_all(4, rows, high + planes.plane_bytes)
        multiply_all()
    for i, j in tiles:
        amx.store(v, i * 2 + j, *sums_of(i, j))


@vector_function(
    rows="int", columns="int", planes=Planes, taps=Taps, w="address", sums="address", more="int", ahead="address",
    share="int",
)  # fmt: skip
def _multiply(v, rows, columns, *case):
    """The microkernel for as many tiles as there are, compiled into its caller.

    Called, it takes longer: loads from the stack seem to wait for the sums being stored, which cover a page.
    """
    with v.either(rows == 2) as (tall, low):
        for height, is_high in ((2, tall), (1, low)):
            with is_high, v.either(columns == 2) as (wide, narrow):
                for width, is_wide in ((2, wide), (1, narrow)):
                    with is_wide:
                        microkernel(v, height, width, *case)


@vector_function()
def _configure(v):
    amx.configure(v)


@vector_function()
def _release(v):
    amx.release(v)


FINISH = {
    "sums": "address", "first": "int", "count": "int", "positions": Positions, "y": Rows, "columns": "int",
    "epilogue": Epilogue,
}  # fmt: skip


@vector_function(**FINISH)
def _finish(v, sums, first, count, positions, y, columns, epilogue):
    """Store ``count`` rows of sums, the positions from ``first`` on, but for those beside the image."""
    pitch, width, act = positions.pitch, positions.width, epilogue.act
    bounds = v.broadcast(epilogue.lo), v.broadcast(epilogue.hi)
    first_row = first // pitch
    with v.loop((first + (count - 1)) // pitch - first_row + 1) as line:
        row = first_row + line
        skipped = row * pitch - first  # of the tile's rows, which belong to lines of the image further up
        begin = v.select(skipped < 0, 0, skipped)
        end = v.select(skipped + width < count, skipped + width, count)
        pixel = row * width - skipped + begin
        case = sums + begin * (PANEL * 4), end - begin, y.at(pixel), columns, epilogue.at(pixel), bounds
        with v.either(columns > TILE) as (wide, narrow):
            with wide:
                _finish_rows(v, 2, *case)
            with narrow:
                _finish_rows(v, 1, *case)
        with v.when(act != 0), v.when(end > begin):
            v.call(activate, y.at(pixel), end - begin, columns, act)


def _finish_rows(v, vectors, sums, count, y, columns, epilogue, bounds):
    residual = epilogue.residual
    biases = [v.load(epilogue.bias, j * LANES) for j in range(vectors)]
    masks = [v.mask(columns - j * LANES) for j in range(vectors)]

    def rows(masked, adding):
        with v.loop(count) as t:
            for j in range(vectors):
                value = v.add(v.load(sums, t * PANEL + j * LANES), biases[j])
                if adding:
                    place = residual.address, t * residual.stride + j * LANES
                    value = v.add(value, v.load_masked(*place, masks[j]) if masked else v.load(*place))
                place = y.address, t * y.stride + j * LANES
                value = v.clip(value, *bounds)
                v.store_masked(value, *place, masks[j]) if masked else v.store(value, *place)

    with v.either(columns == vectors * LANES) as (whole, partial):
        for case, masked in ((whole, False), (partial, True)):
            with case, v.either(residual.stride != 0) as (adding, plain):
                with adding:
                    rows(masked, True)
                with plain:
                    rows(masked, False)


@shared(**FINISH)
def finish(sums, first, count, positions, y, columns, epilogue):
    """The compiled form of `_finish`."""
    _finish(sums, first, count, positions, y, columns, epilogue)


@shared(planes=Planes, taps=Taps, positions=Positions, w="address", y=Rows, n="int", epilogue=Epilogue, sums="address")
def tile_panels(planes, taps, positions, w, y, n, epilogue, sums):
    """All panels of weights times all positions.

    ``sums`` has `sums_floats` of memory.  Every chunk is fetched in equal shares while tiles pass over the one before,
    and so is what lies behind the last: the next layer's weights, if there are no more of this one.
    """
    _configure()
    pairs, all_steps = -(-positions.number // PANEL), planes.blocks * taps.number
    most_blocks, most_taps = _chunk(planes.blocks, taps.number, pairs)
    share = -(-STEP_BYTES // 64 // pairs) * 64
    for start in range(0, n, PANEL):
        columns = min(PANEL, n - start)
        across = 1 + (columns > TILE)
        step, step_bytes, panel = 0, 2 * across * TILE_BYTES, w + start // PANEL * (all_steps * STEP_BYTES)
        while step < all_steps:
            block, tap = step // taps.number, step % taps.number
            some, some_taps = min(most_blocks, planes.blocks - block), min(most_taps, taps.number - tap)
            steps = some * some_taps
            following = step + steps
            for t in range(pairs):
                first = t * PANEL
                count = min(PANEL, positions.number - first)
                own = sums + (t * (SUMS_FLOATS * 4) if steps < all_steps else 0)
                _multiply(
                    1 + (count > TILE), across, planes.some(first, block, some), taps.some(tap, some_taps),
                    panel + step * step_bytes, own, step, panel + following * step_bytes + t * steps * share, share,
                )  # fmt: skip
                if following == all_steps:
                    finish(own, first, count, positions, y.at(0, start), columns, epilogue.at(0, start))
            step = following
    _release()


@inline
def _chunk(blocks, taps, pairs):
    """(blocks, taps) of a chunk: some blocks of a 1x1 layer, else one block and all taps, or some if tiles are few."""
    if taps == 1:
        return _some(blocks), 1
    return 1, _some(taps) if pairs <= FEW_PAIRS else taps


@inline
def _some(count):
    """How many of them to take at a time: CHUNK_STEPS or a few more."""
    return -(-count // max(1, count // CHUNK_STEPS))


if amx.available():
    load(activate, finish, tile_panels)
