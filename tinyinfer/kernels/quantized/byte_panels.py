"""Products of codes and weights, four at a time: the microkernel of `gemm` with bytes, whose sums stay integers.

Weights are packed once into panels [K / 4, NR, 4]: a register of them holds four rows of the matrix for each of its
columns, and meets the same four codes of a pixel in all lanes.  Inputs are read where they lie.  K is padded with zeros
in the weights alone, so that up to three codes behind a row are read and multiplied by 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.kernels.codegen.cpu import LANES, has_amx, has_vnni, vector_registers
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.matmul.gemm import CHAINS, in_turn
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.quantized.requantize import ByteRows

# The largest tile whose sums fit the registers, beside weights and a register of codes.  Without VNNI codes and weights
# are widened to two registers each.
_WITH_VNNI = {(16, 32): (14, 2), (8, 16): (6, 2), (4, 32): (6, 4)}
_WIDENED = {(16, 32): (12, 2), (8, 16): (4, 2), (4, 32): (6, 4)}
MR, NV = (_WITH_VNNI if has_vnni() else _WIDENED).get((LANES, vector_registers()), (4, 2))
NR = NV * LANES  # columns of a panel
TILE_ROWS = {14: (14, 7, 4, 2, 1), 12: (12, 6, 3, 1), 6: (6, 3, 1)}.get(MR, (4, 2, 1))
NEAR = 16 * 1024  # bytes by which a tile of one row is ahead of itself in the weights that it streams

DEPTH = 64 if has_amx() else 4  # of K: what weights are padded to, so that tiles can take them as well


def padded(k: int) -> int:
    """Rows of the packed form of a matrix of k rows."""
    return -(-k // DEPTH) * DEPTH


def panel_width(n: int) -> int:
    """Columns of a panel that holds ``n`` output channels: one register or a whole tile's."""
    return LANES if n <= LANES else NR


def pack_panels(w: np.ndarray) -> np.ndarray:
    """An int8 matrix [K, N] as panels [K / 4, NR, 4], the last of one register if that is enough; int8."""
    k, n = w.shape
    depth, width = padded(k), -(-n // LANES) * LANES if n % NR <= LANES else -(-n // NR) * NR
    padded_w = np.zeros((depth, width), np.int8)
    padded_w[:k, :n] = w
    packed = aligned_empty(depth * width // 4).view(np.int8)
    for start in range(0, n, NR):
        columns = panel_width(n - start)
        fours = padded_w[:, start : start + columns].reshape(depth // 4, 4, columns)
        packed[start * depth : (start + columns) * depth].reshape(depth // 4, columns, 4)[...] = fours.swapaxes(1, 2)
    return packed


def pack_columns(values: np.ndarray) -> np.ndarray:
    """A number of 32 bits for each column, padded with zeros to whole panels."""
    packed = aligned_empty(-(-values.size // NR) * NR).view(values.dtype)
    packed[:] = 0
    packed[: values.size] = values
    return packed


def microkernel(v: Any, rows: int, vectors: int, x: Any, steps: Any, w: Any, bias: Any, sums: Any) -> None:
    """Emit sums[rows, NR] = bias + x @ w for ``vectors`` registers of columns and ``steps`` fours of K."""
    tile = [(i, j) for i in range(rows) for j in range(vectors)]
    acc = {(i, j): v.variable(v.load_sums(bias, j * LANES)) for i, j in tile}
    others = [{at: v.variable(v.integer(0)) for at in tile} for _ in range(CHAINS // len(tile) - 1)]
    column = v.evenly_spaced(rows, x.stride, size=1)
    for step, totals in in_turn(v, steps, [acc, *others]):
        weights = [v.load_sums(w, (step * vectors + j) * LANES) for j in range(vectors)]
        for i, address in enumerate(column(x.address + step * 4)):
            codes = v.load_four_codes(address)
            for j in range(vectors):
                totals[i, j].set(v.dot4(totals[i, j].get(), codes, weights[j]))
        if rows == 1:
            for j in range(vectors):
                v.prefetch(w + step * (vectors * LANES * 4) + (NEAR + j * LANES * 4), level=1)
    for i, j in tile:
        total = acc[i, j].get()
        for more in others:
            total = v.add_integers(total, more[i, j].get())
        v.store_sums(total, sums, i * NR + j * LANES)


PANEL = {
    "x": ByteRows, "rows": "int", "k": "int", "w": "address", "columns": "int", "bias": "address", "sums": "address",
}  # fmt: skip


@vector_function(**PANEL)
def _dot_panel(v, x, rows, k, w, columns, bias, sums):
    steps = (k + 3) // 4
    with v.either(columns > LANES) as (wide, narrow):
        for width, vectors in ((wide, NV), (narrow, 1)):
            with width:
                done = rows * 0
                for tile_rows in TILE_ROWS:
                    tiles = (rows - done) // tile_rows
                    with v.loop(tiles) as t:
                        p = done + t * tile_rows
                        microkernel(v, tile_rows, vectors, x.at(p), steps, w, bias, sums + p * (NR * 4))
                    done = done + tiles * tile_rows


@shared(**PANEL)
def dot_panel(x, rows, k, w, columns, bias, sums):
    """sums[rows, NR] = bias + x[rows, k] @ w for a panel of weights, of which ``columns`` are real."""
    _dot_panel(x, rows, k, w, columns, bias, sums)
