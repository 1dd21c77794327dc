"""Float32 matrix products on bfloat16 matrix units: every number is split in two, every product is three.

x = high + low, both bfloat16 (8 bits each), holds 16 bits of x, and high * w_high + high * w_low + low * w_high is the
product but for at most 2^-15 of it; sums are float32 (Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial
Intelligence Datatype For Higher-Precision Computations", 2019).  Sums of them err by 4.5e-6 (rms) of their standard
deviation however long they are, those of float32 products by 3e-7 for 256 of them and 1e-6 for 4,608.  An infinite
input gives NaN.  Three products on AMX take about a quarter of one on the FMA units.

Inputs are split into planes of 32 channels: plane[block, half] holds 64 bytes for each position, so 16 positions from
any one on are a tile.  A convolution is a sum of products, one for each tap of its kernel, whose tiles begin
``taps[tap]`` bytes further on.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels import amx
from tinyinfer.kernels.amx import DEPTH, ROW_BYTES, TILE, TILE_BYTES
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.fused_activation import activate
from tinyinfer.kernels.jit import load, shared
from tinyinfer.kernels.pages import aligned_empty
from tinyinfer.kernels.simd import ADDRESS, FLOAT, INT, vector_function

# largest error, as in base.py: a product errs by up to 1e-5 of itself, and single ones may be ten deviations large
TOLERANCE = 2e-4
PANEL = 2 * TILE  # rows and columns of the sums that four tile registers hold
STEP_BYTES = 4 * TILE_BYTES  # of weights that one step of the microkernel multiplies
# while fewer pairs of tiles than SHARES pass over a panel of more bytes than LONG_PANEL, memory is far slower than they
SHARES, LONG_PANEL = 4, 128 * 1024
STEPS_AHEAD = 4  # that such a panel is fetched before it is multiplied
ONE_TAP = np.zeros(1, np.int64)  # the taps of a plain matrix product
SUMS_FLOATS = PANEL * PANEL  # scratch of each thread, on its way from the tiles to the output


def panel_floats(taps: int, depth: int) -> int:
    """Floats of a whole panel of weights."""
    return taps * -(-depth // DEPTH) * STEP_BYTES // 4


def pack_tiles(w: np.ndarray) -> np.ndarray:
    """Weights [taps, C, N] -> panels of 32 outputs, each [taps, blocks, half, 1 or 2 tiles], padded with zeros."""
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
    """[taps, blocks, half, tiles, 16 rows, 16 outputs] (uint32), the low half first.

    Row i of a tile holds channels i and i + 16 of each output side by side, as `amx.halves` joins two vectors.
    """
    taps, c, n = w.shape
    tiles = -(-n // TILE)
    padded = np.zeros((taps, blocks * DEPTH, tiles * TILE), np.float32)
    padded[:, :c, :n] = w
    rows = padded.reshape(taps, blocks, 2, TILE, tiles, TILE).transpose(2, 0, 1, 4, 3, 5)
    high, low = (half.view(np.uint32) for half in split_numbers(np.ascontiguousarray(rows)))
    return np.stack([half[0] >> 16 | half[1] for half in (low, high)], axis=2)


def split_numbers(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 numbers rounded to bfloat16, and what that took from them, rounded too; both as float32."""
    high = _rounded(x)
    return high, _rounded(x - high)


def _rounded(x: np.ndarray) -> np.ndarray:
    return ((x.view(np.uint32) + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)


def microkernel(v, rows, columns, a, plane_bytes, taps, tap_count, blocks, w, sums, ahead, share):
    """Emit the sums of ``rows`` x ``columns`` tiles (1 or 2 each), which go to sums[32, 32].

    The halves come in an order in which no tile is loaded twice: inputs' high and weights' low, both high, both ...
    Each step meanwhile brings ``share`` bytes to L2, of as many as its weights take, from ``ahead`` on.
    """
    tiles = [(i, j) for i in range(rows) for j in range(columns)]

    def multiply_all():
        for i, j in tiles:
            amx.multiply(v, i * 2 + j, 4 + i, 6 + j)

    def load_all(first, count, address):
        for i in range(count):
            amx.load(v, first + i, address + i * TILE_BYTES)

    for i, j in tiles:
        amx.zero(v, i * 2 + j)
    step_bytes = 2 * columns * TILE_BYTES
    with v.loop(tap_count) as tap:
        start = a + v.load_int(taps, tap)
        with v.loop(blocks) as block:
            high, step = start + block * plane_bytes * 2, (tap * blocks + block) * step_bytes
            load_all(4, rows, high)
            load_all(6, columns, w + step)
            multiply_all()
            with v.loop(share, 64) as at:
                v.prefetch(ahead + step + at)
            load_all(6, columns, w + step + columns * TILE_BYTES)
            multiply_all()
            load_all(4, rows, high + plane_bytes)
            multiply_all()
    for i, j in tiles:
        amx.store(v, i * 2 + j, sums + (i * TILE * PANEL + j * TILE) * 4, PANEL * 4)


@vector_function(
    sums="address", first="int", count="int", pitch="int", width="int", bias="address", r="address", r_stride="int",
    y="address", y_stride="int", columns="int", lo="float", hi="float", act="int",
)  # fmt: skip
def _finish(v, sums, first, count, pitch, width, bias, r, r_stride, y, y_stride, columns, lo, hi, act):
    """Store ``count`` rows of sums, the positions from ``first`` on, but for those beside the image."""
    low, high = v.broadcast(lo), v.broadcast(hi)
    first_row = first // pitch
    with v.loop((first + (count - 1)) // pitch - first_row + 1) as line:
        row = first_row + line
        skipped = row * pitch - first  # of the tile's rows, which belong to lines of the image further up
        begin = v.choose(skipped < 0, skipped * 0, skipped)
        end = v.choose(skipped + width < count, skipped + width, count)
        pixel = row * width - skipped + begin
        case = (sums + begin * (PANEL * 4), end - begin, bias, r + pixel * r_stride * 4, r_stride,
                y + pixel * y_stride * 4, y_stride, columns, low, high)  # fmt: skip
        with v.either(columns > TILE) as (wide, narrow):
            with wide:
                _finish_rows(v, 2, *case)
            with narrow:
                _finish_rows(v, 1, *case)
        with v.when(act != 0), v.when(end > begin):
            v.call(activate, y + pixel * y_stride * 4, y_stride, end - begin, columns, act)


def _finish_rows(v, vectors, sums, count, bias, r, r_stride, y, y_stride, columns, low, high):
    biases = [v.load(bias, j * LANES) for j in range(vectors)]
    masks = [v.mask(columns - j * LANES) for j in range(vectors)]

    def rows(masked, adding):
        with v.loop(count) as t:
            for j in range(vectors):
                value = v.add(v.load(sums, t * PANEL + j * LANES), biases[j])
                if adding:
                    at = t * r_stride + j * LANES
                    value = v.add(value, v.load_masked(r, at, masks[j]) if masked else v.load(r, at))
                value, at = v.clip(value, low, high), t * y_stride + j * LANES
                v.store_masked(value, y, at, masks[j]) if masked else v.store(value, y, at)

    with v.either(columns == vectors * LANES) as (whole, partial):
        for case, masked in ((whole, False), (partial, True)):
            with case, v.either(r_stride != 0) as (adding, plain):
                with adding:
                    rows(masked, True)
                with plain:
                    rows(masked, False)


@shared(ADDRESS, INT, INT, INT, INT, ADDRESS, ADDRESS, INT, ADDRESS, INT, INT, FLOAT, FLOAT, INT)
def finish(sums, first, count, pitch, width, bias, r, r_stride, y, y_stride, columns, lo, hi, act):
    """The compiled form of `_finish`."""
    _finish(sums, first, count, pitch, width, bias, r, r_stride, y, y_stride, columns, lo, hi, act)


def _fetching(v, t, pairs, weights, next_panel, panel_bytes):
    """(address, bytes a step) of the weights that pair ``t`` of tiles brings to L2: its share of the next panel.

    Of a long panel that few tiles pass over, the first tile instead fetches what it needs itself some steps later.
    """
    none = t * 0
    share = (pairs + (STEP_BYTES // 64 - 1)) // pairs * 64
    some = v.choose(next_panel > 0, v.choose(t * share < STEP_BYTES, share, none), none)
    long = v.choose(pairs < SHARES, panel_bytes, none) > LONG_PANEL
    return (
        v.choose(long, weights + STEPS_AHEAD * STEP_BYTES, next_panel + t * share),
        v.choose(long, v.choose(t > 0, none, none + STEP_BYTES), some),
    )


@vector_function(
    a="address", plane_bytes="int", taps="address", tap_count="int", blocks="int", positions="int", pitch="int",
    width="int", w="address", bias="address", r="address", r_stride="int", y="address", y_stride="int", n="int",
    lo="float", hi="float", act="int", sums="address",
)  # fmt: skip
def _panels(
    v, a, plane_bytes, taps, tap_count, blocks, positions, pitch, width, w, bias, r, r_stride, y, y_stride, n, lo, hi,
    act, sums,
):  # fmt: skip
    amx.configure(v)
    panel_bytes = tap_count * blocks * STEP_BYTES
    pairs = (positions + (TILE - 1)) // PANEL
    with v.loop(n, PANEL) as start:
        columns = v.choose(n - start < PANEL, n - start, n * 0 + PANEL)
        weights = w + start // PANEL * panel_bytes
        next_panel = v.choose(start + PANEL < n, weights + panel_bytes, weights * 0)
        at = (bias + start * 4, r + start * 4, r_stride, y + start * 4, y_stride, columns, lo, hi, act)
        with v.either(columns > TILE) as (wide, narrow):
            for case, vectors in ((wide, 2), (narrow, 1)):
                with case:
                    with v.loop(pairs) as t:
                        first = t * PANEL
                        count = v.choose(positions - first < PANEL, positions - first, n * 0 + PANEL)
                        microkernel(
                            v, 2, vectors, a + first * ROW_BYTES, plane_bytes, taps, tap_count, blocks, weights, sums,
                            *_fetching(v, t, pairs, weights, next_panel, panel_bytes),
                        )  # fmt: skip
                        v.call(finish, sums, first, count, pitch, width, *at)
                    rest = positions - pairs * PANEL
                    with v.when(rest > 0):
                        first = pairs * PANEL
                        microkernel(
                            v, 1, vectors, a + first * ROW_BYTES, plane_bytes, taps, tap_count, blocks, weights, sums,
                            next_panel, v.choose(pairs > 0, n * 0, v.choose(next_panel > 0, n * 0 + STEP_BYTES, n * 0)),
                        )  # fmt: skip
                        v.call(finish, sums, first, rest, pitch, width, *at)
    amx.release(v)


@shared(
    ADDRESS, INT, ADDRESS, INT, INT, INT, INT, INT, ADDRESS, ADDRESS, ADDRESS, INT, ADDRESS, INT, INT, FLOAT, FLOAT,
    INT, ADDRESS,
)  # fmt: skip
def tile_panels(
    a, plane_bytes, taps, tap_count, blocks, positions, pitch, width, w, bias, r, r_stride, y, y_stride, n, lo, hi, act,
    sums,
):  # fmt: skip
    """All panels of weights times ``positions`` positions, of every ``pitch`` of which ``width`` are pixels."""
    _panels(
        a, plane_bytes, taps, tap_count, blocks, positions, pitch, width, w, bias, r, r_stride, y, y_stride, n, lo, hi,
        act, sums,
    )  # fmt: skip


if amx.available():
    load(activate, finish, tile_panels)
