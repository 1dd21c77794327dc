"""Matrix product: a register-tiled microkernel and the loops around it.

y[P, N] = clip(x[P, K] @ w[K, N] + bias + residual, lo, hi).  A tile of MR x NR results stays in registers while
a loop over K loads NR weights and broadcasts MR inputs: per step MR * NR multiply-adds for MR + NR loads,
which keeps the FMA units and not the load ports busy (Goto and van de Geijn, "Anatomy of High-Performance
Matrix Multiplication", 2008).  Weights are packed once into panels [K, NR], so that the loop reads them in order;
inputs are read where they lie.

K may come in equal `Segments`: the rows of a convolution window.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np

from tinyinfer.kernels.arguments.operands import Epilogue, Rows, Segments
from tinyinfer.kernels.codegen.cpu import LANES, vector_registers
from tinyinfer.kernels.codegen.jit import inline, load, shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.matmul.chains import CHAINS, in_turn
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import walks_up
from tinyinfer.kernels.pointwise_math.fused_activation import SHORT, activate, emit_short

# the largest tile whose accumulators, NV weight vectors and one input vector fit the registers
MR, NV = {(16, 32): (14, 2), (8, 16): (6, 2), (4, 32): (6, 4)}.get((LANES, vector_registers()), (6, 2))
NR = NV * LANES  # width of a panel
TILE_ROWS = (14, 7, 4, 2, 1) if MR == 14 else (6, 3, 1)

NEAR = 4096  # floats by which a tile of one row is ahead of itself in the weights that it streams
SHARES = 4  # tiles that fetch the next panel, as memory is slower than one alone
BLOCK_FLOATS = 64 * 1024  # 256 KiB of inputs and outputs a block: a quarter of a usual L2, the rest is for weights
L2_FLOATS = 160 * 1024  # 640 KiB of a 1 MiB L2, where weights only pass through it; the rest is for their panels


def block_rows(k: int, n: int) -> int:
    """Rows of inputs that pass over all of [k, n] weights before the next rows do.

    At least so many that a block is as large as the weights, which otherwise would be most of the traffic, as with
    the 7x7 maps of ResNet-50.
    """
    as_large_as_weights = min(k * n // (k + n), L2_FLOATS // k)
    return max(MR, max(BLOCK_FLOATS // (k + n), as_large_as_weights) // MR * MR)


def few_rows(rows: int, threads: int) -> bool:
    """Whether a thread would get less than three tiles of rows: then panels are dealt out instead (`gemm_part`).

    The 49 rows of a 7x7 map make two tiles and one and a half, for both of which all weights would be read.
    """
    return -(-rows // MR) < 3 * threads


def panel_width(n: int) -> int:
    """Width of a panel that holds ``n`` output channels: one register or a whole tile's."""
    return LANES if n <= LANES else NR


def packed_size(k: int, n: int) -> int:
    """Floats of the packed form of a [k, n] matrix."""
    return k * (n // NR * NR + (panel_width(n % NR) if n % NR else 0))


def pack_panels(*matrices: np.ndarray) -> np.ndarray:
    """[K, N] matrices one after the other, each as panels [K, NR], the last padded with zeros to a register or NR.

    K may be several axes, so that a transposed weight needs no copy of its own.
    """
    sizes = [packed_size(math.prod(w.shape[:-1]), w.shape[-1]) for w in matrices]
    packed = aligned_empty(sum(sizes))
    for w, size, end in zip(matrices, sizes, itertools.accumulate(sizes), strict=True):
        fill_panels(packed[end - size : end], w)
    return packed


def fill_panels(packed: np.ndarray, w: np.ndarray) -> None:
    """One matrix of `pack_panels`, to where it belongs."""
    *ks, n = w.shape
    k = math.prod(ks)
    for start in range(0, n, NR):
        columns = min(NR, n - start)
        width = panel_width(columns)
        panel = packed[start * k : (start + width) * k].reshape(*ks, width)
        panel[..., :columns] = w[..., start : start + columns]
        panel[..., columns:] = 0


def pack_bias(bias: np.ndarray | None, n: int) -> np.ndarray:
    """The bias (or zeros) padded to whole panels."""
    packed = aligned_empty(-(-n // NR) * NR)
    packed[:] = 0
    if bias is not None:
        packed[:n] = bias
    return packed


def microkernel(v, rows, vectors, x, segments, w, y, columns, epilogue, ahead):
    """Emit one tile of ``rows`` x ``vectors`` registers; ``columns`` of it are real, the rest is not stored.

    Each step meanwhile brings some floats of the next panel to L2, ``ahead.stride`` of them from ``ahead.address`` on,
    and for every further register from another part of the panel.  A tile of one row fetches its own weights instead.
    """
    tile = [(i, j) for i in range(rows) for j in range(vectors)]
    acc = {(i, j): v.variable(v.load(epilogue.bias, j * LANES)) for i, j in tile}
    others = [{at: v.variable(v.constant(0)) for at in tile} for _ in range(CHAINS // len(tile) - 1)]
    residual = epilogue.residual
    column, targets, addends = (v.evenly_spaced(rows, stride) for stride in (x.stride, y.stride, residual.stride))
    for target, j in itertools.product(targets(y.address), range(vectors)):  # a gain on Intel
        v.prefetch(target, j * LANES, level=1, write=True)
    with v.when(residual.stride != 0):
        for addend, j in itertools.product(addends(residual.address), range(vectors)):
            v.prefetch(addend, j * LANES)
    width, part = vectors * LANES, segments.number * segments.size * LANES

    def own_weights(step):
        for j in range(vectors):
            v.prefetch(w, step * width + (NEAR + j * LANES), level=1)

    def next_panel(step):
        for j in range(vectors):
            v.prefetch(ahead.address, step * ahead.stride + part * j)

    with v.loop(segments.number) as segment:
        start, first = x.address + segment * segments.stride * 4, segment * segments.size
        multiply = functools.partial(_multiply, v, [acc, *others], column, start, segments.size, w, first)
        if rows == 1:
            multiply(own_weights)
        else:
            with v.either(ahead.stride != 0) as (fetching, plain):
                with fetching:
                    multiply(next_panel)
                with plain:
                    multiply(lambda step: None)
    for at, more in itertools.product(tile, others):
        acc[at].set(v.add(acc[at].get(), more[at].get()))
    _finish(v, acc, columns, addends(residual.address), targets(y.address), epilogue)


def _multiply(v, chains, column, start, k_size, w, first, fetch):
    """The steps of a segment, which begins at step ``first`` of the panel; ``fetch`` emits what one fetches."""
    for k, sums in in_turn(v, k_size, chains):
        _rank_one_update(v, sums, column(start + k * 4), w, first + k)
        fetch(first + k)


def _rank_one_update(v, acc, column, w, step):
    """One column of the inputs times one row of the weights, that of a step, onto the tile."""
    vectors = len(acc) // len(column)
    weights = [v.load(w, (step * vectors + j) * LANES) for j in range(vectors)]
    for i, address in enumerate(column):
        value = v.load_broadcast(address)
        for j in range(vectors):
            acc[i, j].set(v.fma(value, weights[j], acc[i, j].get()))


def _finish(v, acc, columns, addends, targets, epilogue):
    """The epilogue of a tile: add the residual where there is one, apply the activation, store the real columns."""
    vectors = len(acc) // len(targets)
    mask = [v.mask(columns - j * LANES) for j in range(vectors)]
    with v.when(epilogue.residual.stride != 0):
        for (i, j), total in acc.items():
            total.set(v.add(total.get(), v.load_masked(addends[i], j * LANES, mask[j])))
    emit_short(v, epilogue.act, list(acc.values()))
    low, high = v.broadcast(epilogue.lo), v.broadcast(epilogue.hi)
    with v.either(columns == vectors * LANES) as (whole, partial):
        with whole:
            for (i, j), total in acc.items():
                v.store(v.clip(total.get(), low, high), targets[i], j * LANES)
        with partial:
            for (i, j), total in acc.items():
                v.store_masked(v.clip(total.get(), low, high), targets[i], j * LANES, mask[j])


PANEL = {
    "x": Rows, "rows": "int", "segments": Segments, "w": "address", "y": Rows, "columns": "int", "epilogue": Epilogue,
}  # fmt: skip


@vector_function(**PANEL)
def _panel(v, x, rows, segments, w, y, columns, epilogue):
    """One panel of weights times ``rows`` rows: tiles of MR rows, then smaller ones for what is left."""
    with v.either(columns > LANES) as (wide, narrow):
        for width, vectors in ((wide, NV), (narrow, 1)):
            with width:
                done, k_all = v.int_constant(0), segments.number * segments.size
                next_panel = w + k_all * (vectors * LANES * 4)
                shares, share = _shares(v, rows)
                for tile_rows in TILE_ROWS:
                    tiles = (rows - done) // tile_rows
                    with v.loop(tiles) as t:
                        p = done + t * tile_rows
                        fetches = t < shares if tile_rows == MR else p == 0
                        step = v.select(fetches, share, 0)
                        microkernel(
                            v, tile_rows, vectors, x.at(p), segments, w, y.at(p), columns, epilogue.at(p),
                            Rows(next_panel + t * (k_all * step * 4), step),
                        )  # fmt: skip
                        act = epilogue.act
                        with v.when(act != 0), v.when(act != SHORT):  # while the tile is in L1
                            v.call(activate, y.at(p), tile_rows, columns, act)
                    done = done + tiles * tile_rows


def _shares(v, rows):
    """How many tiles share the fetching of the next panel, and the floats that one fetches a step and register."""
    whole = v.select(rows < 2 * MR, 1, rows // MR)
    shares = v.select(whole < SHARES, whole, SHARES)
    return shares, (shares + (LANES - 1)) // shares


@shared(**PANEL)
def panel(x, rows, segments, w, y, columns, epilogue):
    """The compiled form of `_panel`, which all kernels share."""
    _panel(x, rows, segments, w, y, columns, epilogue)


load(activate, panel)  # nearly every network needs them


@inline
def gemm_segments(x, rows, segments, w, y, n, epilogue):
    """All panels times ``rows`` rows whose K comes in segments."""
    k = segments.number * segments.size
    for start in range(0, n, NR):
        panel(x, rows, segments, w + start * k * 4, y.at(0, start), min(NR, n - start), epilogue.at(0, start))


_block_rows = inline(block_rows)


@inline
def gemm(x, rows, k, w, y, n, epilogue):
    """y = clip(x @ w + bias + residual), blocks of rows outermost: each stays in L2 while all panels pass over it."""
    block = _block_rows(k, n)
    for p in range(0, rows, block):
        gemm_segments(x.at(p), min(block, rows - p), Segments(1, 0, k), w, y.at(p), n, epilogue.at(p))


@inline
def gemm_rows(part, parts, p0, p1, x, k, w, y, n, epilogue):
    """Rows p0 .. p1 of `gemm`, as a part of several, in the direction of `walks_up`."""
    p, way = (p1 - 1, -1) if walks_up(part, parts, -(-(p1 - p0) // MR)) else (p0, 1)
    gemm(x.walk(p, way), p1 - p0, k, w, y.walk(p, way), n, epilogue.walk(p, way))


@inline
def first_tile(part, parts, rows, n):
    """Where a part of a product begins, in tiles counted panel by panel; the last panel and tile may be small ones."""
    whole, rest = n // NR, n % NR
    last = 0 if rest == 0 else 1 if rest <= LANES else NV  # registers of a row, as in `panel_width`
    share = rows * (whole * NV + last) * part // parts
    i = min(share // (rows * NV), whole)
    row = (share - i * rows * NV) // max(1, NV if i < whole else last)
    return i * -(-rows // MR) + -(-row // MR)


@inline
def own_columns(part, parts, rows, n):
    """Bounds of the columns in whose panels a part of a product has tiles."""
    tiles = -(-rows // MR)
    return first_tile(part, parts, rows, n) // tiles * NR, -(-first_tile(part + 1, parts, rows, n) // tiles) * NR


@inline
def gemm_part(part, parts, x, rows, k, w, y, n, epilogue):
    """A part of `gemm` whose rows make one block, in whole tiles: at most one panel is read by two parts."""
    tiles, first, last = -(-rows // MR), first_tile(part, parts, rows, n), first_tile(part + 1, parts, rows, n)
    for i in range(first // tiles, -(-last // tiles)):
        start, p0, p1 = i * NR, max(0, first - i * tiles) * MR, min(rows, (last - i * tiles) * MR)
        panel(
            x.at(p0), p1 - p0, Segments(1, 0, k), w + start * k * 4, y.at(p0, start), min(NR, n - start),
            epilogue.at(p0, start),
        )  # fmt: skip
