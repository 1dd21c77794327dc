"""Products of codes and weights, four at a time: the microkernel of `gemm` with bytes, whose sums stay integers.

Weights are packed once into panels [K / 4, NR, 4]: a register of them holds four rows of the matrix for each of its
columns, and meets the same four codes of a pixel in all lanes.  Inputs are read where they lie, in `Runs`, each of
which is padded with zeros in the weights alone: up to three codes behind it are read and multiplied by 0.

Without an instruction for that, products are made of sums (`dot_sums`).  Weights are 16-bit integers there, as `pairs`
makes them of codes, and less their zero point; what each row's sums have too much is in `row_terms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen.cpu import LANES, has_amx, vector_registers
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.matmul.chains import CHAINS, in_turn
from tinyinfer.kernels.parallel.pages import aligned_empty

# The largest tile whose sums fit the registers, beside weights and a register of codes.  Where products are made of
# sums, codes are two registers and their sums with weights two more; of 16 registers none is left for the weights.
_WITH_VNNI = {(16, 32): (14, 2), (8, 16): (6, 2), (4, 32): (6, 4)}
_OF_SUMS = {(16, 32): (12, 2), (8, 16): (3, 4), (4, 16): (3, 4), (4, 32): (6, 2)}
MR, NV = (_OF_SUMS if PAIRED else _WITH_VNNI).get((LANES, vector_registers()), (4, 2))
NR = NV * LANES  # columns of a panel
TILE_ROWS = {14: (14, 7, 4, 2, 1), 12: (12, 6, 3, 1), 6: (6, 3, 1), 3: (3, 1)}.get(MR, (4, 2, 1))
WIDTHS = tuple(range(NV, 0, -1)) if PAIRED else (NV, 1)  # registers of columns that a panel may have
WEIGHT = 2 if PAIRED else 1  # bytes
REGISTER = 4 * LANES * WEIGHT  # bytes of the weights of a step and a register of columns
REREAD = PAIRED and vector_registers() == 16  # whether each row reads its weights anew, as a part of the additions
NEAR = 16 * 1024  # bytes by which a tile of one row is ahead of itself in the weights that it streams

DEPTH = 64 if has_amx() else 4  # of K: what weights are padded to, so that tiles can take them as well


@struct
class Runs(NamedTuple):
    """How the codes of a product lie: ``number`` runs of ``size`` bytes, each at an offset (int64) behind its row."""

    offsets: Address
    number: int
    size: int


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


def padded(k: int) -> int:
    """Rows of the packed form of a run of k rows."""
    return -(-k // DEPTH) * DEPTH


def panel_width(n: int) -> int:
    """Columns of a panel that holds ``n`` output channels, one of `WIDTHS`."""
    return min(vectors for vectors in WIDTHS if vectors == NV or vectors * LANES >= n) * LANES


def pack_panels(w: np.ndarray, zero: int) -> np.ndarray:
    """int8 weights [runs, size, N] as panels [K / 4, NR, 4], the last as narrow as it may be; int8.

    For sums they are less their zero point, and lie as `pack_pairs` does it.
    """
    runs, size, n = w.shape
    rows = np.zeros((runs, padded(size), n), np.int16 if PAIRED else np.int8)
    rows[:, :size] = w
    if PAIRED:
        rows[:, :size] -= np.int16(zero)
        return pack_pairs(rows.reshape(-1, n))
    return _pack(rows.reshape(-1, n), lambda fours: fours.swapaxes(1, 2))


def pack_pairs(w: np.ndarray) -> np.ndarray:
    """int16 weights [K, N], K a multiple of 4, as panels [K / 4, NV, 2, LANES, 2]; int8.

    A lane has first weights 0 and 2 of its four, then 1 and 3.
    """

    def by_lanes(fours: np.ndarray) -> np.ndarray:
        steps, _, columns = fours.shape
        return fours.reshape(steps, 2, 2, columns // LANES, LANES).transpose(0, 3, 2, 4, 1)

    return _pack(w, by_lanes)


def _pack(w: np.ndarray, arrange: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Panels of weights [K, N]; ``arrange`` gives those of one, [K / 4, 4, columns], the order that they have there."""
    k, n = w.shape
    packed = aligned_empty(-(-k * packed_width(n) * w.itemsize // 4)).view(w.dtype)
    for start in range(0, n, NR):
        columns = panel_width(n - start)
        fours = np.zeros((k // 4, 4, columns), w.dtype)
        own = w[:, start : start + columns]
        fours[:, :, : own.shape[1]] = own.reshape(k // 4, 4, -1)
        packed[start * k : (start + columns) * k] = arrange(fours).reshape(-1)
    return packed.view(np.int8)


def packed_width(n: int) -> int:
    """Columns of all panels of n."""
    full = (n - 1) // NR * NR
    return full + panel_width(n - full)


def column_terms(w: np.ndarray, zero: int = 0) -> np.ndarray:
    """What the sums of each of the N columns of weights [runs, size, N] less their zero point have too much."""
    runs, size, n = w.shape
    if not PAIRED:
        return np.zeros(n, np.int64)
    rows = np.zeros((runs, padded(size), n), np.int64)
    rows[:, :size] = w
    rows[:, :size] -= zero
    first, second = rows.reshape(-1, 2, n).swapaxes(0, 1)
    return np.einsum("kn,kn->n", first, second)


def pack_columns(values: np.ndarray) -> np.ndarray:
    """A number of 32 bits for each column, padded with zeros to whole panels."""
    packed = aligned_empty(-(-values.size // NR) * NR).view(values.dtype)
    packed[:] = 0
    packed[: values.size] = values
    return packed


def microkernel(
    v: Any, rows: int, vectors: int, x: Any, runs: Any, w: Any, ahead: Any, bias: Any, sums: Any, halves: bool = False
) -> None:
    """Emit sums[rows, NR] = bias + x @ w for ``vectors`` registers of columns.

    Inputs are codes or, with ``halves``, 16-bit integers as they are multiplied.  Each step meanwhile brings a cache
    line from ``ahead`` to L2; a single row fetches its own weights instead.
    """
    tile = [(i, j) for i in range(rows) for j in range(vectors)]
    acc = {(i, j): v.variable(v.load_sums(bias, j * LANES)) for i, j in tile}
    others = [{at: v.variable(v.integer(0)) for at in tile} for _ in range(CHAINS // len(tile) - 1)]
    column = v.evenly_spaced(rows, x.stride, size=1)
    steps, step_bytes = (runs.size + 3) // 4, vectors * REGISTER
    run_bytes = (runs.size + (DEPTH - 1)) // DEPTH * (DEPTH // 4) * step_bytes
    with v.loop(runs.number) as run:
        start, panel = x.address + v.load_int(runs.offsets, run), w + run * run_bytes
        panels = [v.optimization_barrier(panel) for _ in range(rows)] if REREAD else [panel]
        for step, totals in in_turn(v, steps, [acc, *others]):
            weights = [[_weights(v, own, step * vectors + j) for j in range(vectors)] for own in panels] * rows
            for i, address in enumerate(column(start + step * (8 if halves else 4))):
                codes = v.load_two_pairs(address) if halves else v.load_four_codes(address)
                codes = v.pairs(codes) if PAIRED and not halves else codes
                for j in range(vectors):
                    multiply = v.dot_sums if PAIRED else v.dot4
                    totals[i, j].set(multiply(totals[i, j].get(), codes, weights[i][j]))
            if rows == 1:
                for j in range(vectors):
                    v.prefetch(panel + step * step_bytes + (NEAR + j * REGISTER), level=1)
            else:
                v.prefetch(ahead + run * run_bytes + step * step_bytes)
    for i, j in tile:
        total = acc[i, j].get()
        for more in others:
            total = v.add_integers(total, more[i, j].get())
        v.store_sums(total, sums, i * NR + j * LANES)


def _weights(v: Any, panel: Any, register: Any) -> Any:
    """Four weights a lane, as they are multiplied."""
    if PAIRED:
        return v.load_pairs(panel, register * (4 * LANES))
    return v.load_sums(panel, register * LANES)


PANEL = {
    "x": ByteRows, "rows": "int", "runs": Runs, "w": "address", "columns": "int", "bias": "address", "sums": "address",
}  # fmt: skip


def panel(v, x, rows, runs, w, columns, bias, sums, halves=False):
    """Emit sums[rows, NR] = bias + x @ w for a panel of weights."""

    def tiles_of(vectors):
        done, depth = v.int_constant(0), (runs.size + (DEPTH - 1)) // DEPTH * DEPTH * runs.number
        next_panel = w + depth * (vectors * LANES * WEIGHT)
        for tile_rows in TILE_ROWS:
            tiles = (rows - done) // tile_rows
            with v.loop(tiles) as t:
                # memory is slower than one tile alone: neighbours fetch a register each
                p, ahead = done + t * tile_rows, next_panel + (t - t // vectors * vectors) * REGISTER
                microkernel(v, tile_rows, vectors, x.at(p), runs, w, ahead, bias, sums + p * (NR * 4), halves)
            done = done + tiles * tile_rows

    _by_width(v, columns, tiles_of, WIDTHS)


def _by_width(v: Any, columns: Any, emit: Callable[[int], None], widths: Sequence[int]) -> None:
    """Emit the code for as many registers of columns as there are."""
    vectors, *narrower = widths
    if not narrower:
        emit(vectors)
        return
    with v.either(columns > narrower[0] * LANES) as (wide, narrow):
        with wide:
            emit(vectors)
        with narrow:
            _by_width(v, columns, emit, narrower)


@vector_function(**PANEL)
def _dot_panel(v, x, rows, runs, w, columns, bias, sums):
    panel(v, x, rows, runs, w, columns, bias, sums)


@shared(**PANEL)
def dot_panel(x, rows, runs, w, columns, bias, sums):
    """sums[rows, NR] = bias + x @ w for a panel of weights, of which ``columns`` are real."""
    _dot_panel(x, rows, runs, w, columns, bias, sums)
