"""Products of codes and weights, four at a time: the microkernel of `gemm` with bytes, whose sums stay integers.

Weights are packed once into panels [K / 4, NR, 4]: a register of them holds four rows of the matrix for each of its
columns, and meets the same four codes of a pixel in all lanes.  Inputs are read where they lie, in `Runs`, each of
which is padded with zeros in the weights alone: up to three codes behind it are read and multiplied by 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.codegen.cpu import LANES, has_amx, has_vnni, vector_registers
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
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


@struct
class Runs(NamedTuple):
    """How the codes of a product lie: ``number`` runs of ``size`` bytes, each at an offset (int64) behind its row."""

    offsets: Address
    number: int
    size: int


def padded(k: int) -> int:
    """Rows of the packed form of a run of k rows."""
    return -(-k // DEPTH) * DEPTH


def panel_width(n: int) -> int:
    """Columns of a panel that holds ``n`` output channels: one register or a whole tile's."""
    return LANES if n <= LANES else NR


def pack_panels(w: np.ndarray) -> np.ndarray:
    """int8 weights [runs, size, N] as panels [K / 4, NR, 4], the last of one register if that is enough; int8."""
    runs, size, n = w.shape
    width = -(-n // LANES) * LANES if n % NR <= LANES else -(-n // NR) * NR
    padded_w = np.zeros((runs, padded(size), width), np.int8)
    padded_w[:, :size, :n] = w
    depth = runs * padded(size)
    fours = padded_w.reshape(depth // 4, 4, width)
    packed = aligned_empty(depth * width // 4).view(np.int8)
    for start in range(0, n, NR):
        columns = panel_width(n - start)
        panel = packed[start * depth : (start + columns) * depth]
        panel.reshape(depth // 4, columns, 4)[...] = fours[:, :, start : start + columns].swapaxes(1, 2)
    return packed


def pack_columns(values: np.ndarray) -> np.ndarray:
    """A number of 32 bits for each column, padded with zeros to whole panels."""
    packed = aligned_empty(-(-values.size // NR) * NR).view(values.dtype)
    packed[:] = 0
    packed[: values.size] = values
    return packed


def microkernel(v: Any, rows: int, vectors: int, x: Any, runs: Any, w: Any, ahead: Any, bias: Any, sums: Any) -> None:
    """Emit sums[rows, NR] = bias + x @ w for ``vectors`` registers of columns.

    Each step meanwhile brings a cache line from ``ahead`` to L2; a single row fetches its own weights instead.
    """
    tile = [(i, j) for i in range(rows) for j in range(vectors)]
    acc = {(i, j): v.variable(v.load_sums(bias, j * LANES)) for i, j in tile}
    others = [{at: v.variable(v.integer(0)) for at in tile} for _ in range(CHAINS // len(tile) - 1)]
    column = v.evenly_spaced(rows, x.stride, size=1)
    steps, step_bytes = (runs.size + 3) // 4, vectors * LANES * 4
    run_bytes = (runs.size + (DEPTH - 1)) // DEPTH * (DEPTH // 4) * step_bytes
    with v.loop(runs.number) as run:
        start, panel = x.address + v.load_int(runs.offsets, run), w + run * run_bytes
        for step, totals in in_turn(v, steps, [acc, *others]):
            weights = [v.load_sums(panel, (step * vectors + j) * LANES) for j in range(vectors)]
            for i, address in enumerate(column(start + step * 4)):
                codes = v.load_four_codes(address)
                for j in range(vectors):
                    totals[i, j].set(v.dot4(totals[i, j].get(), codes, weights[j]))
            if rows == 1:
                for j in range(vectors):
                    v.prefetch(panel + step * step_bytes + (NEAR + j * LANES * 4), level=1)
            else:
                v.prefetch(ahead + run * run_bytes + step * step_bytes)
    for i, j in tile:
        total = acc[i, j].get()
        for more in others:
            total = v.add_integers(total, more[i, j].get())
        v.store_sums(total, sums, i * NR + j * LANES)


PANEL = {
    "x": ByteRows, "rows": "int", "runs": Runs, "w": "address", "columns": "int", "bias": "address", "sums": "address",
}  # fmt: skip


@vector_function(**PANEL)
def _dot_panel(v, x, rows, runs, w, columns, bias, sums):
    with v.either(columns > LANES) as (wide, narrow):
        for width, vectors in ((wide, NV), (narrow, 1)):
            with width:
                done, depth = rows * 0, (runs.size + (DEPTH - 1)) // DEPTH * DEPTH * runs.number
                next_panel = w + depth * (vectors * LANES)
                for tile_rows in TILE_ROWS:
                    tiles = (rows - done) // tile_rows
                    with v.loop(tiles) as t:
                        # memory is slower than one tile alone: neighbours fetch a register each
                        p, ahead = done + t * tile_rows, next_panel + (t - t // vectors * vectors) * (LANES * 4)
                        microkernel(v, tile_rows, vectors, x.at(p), runs, w, ahead, bias, sums + p * (NR * 4))
                    done = done + tiles * tile_rows


@shared(**PANEL)
def dot_panel(x, rows, runs, w, columns, bias, sums):
    """sums[rows, NR] = bias + x @ w for a panel of weights, of which ``columns`` are real."""
    _dot_panel(x, rows, runs, w, columns, bias, sums)
