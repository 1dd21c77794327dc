"""Matrix products over the rows of a fused kernel, which keeps the rows in cache: on AMX tiles or the FMA units."""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.arguments.operands import Segments
from tinyinfer.kernels.base import Kernel
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.amx import DEPTH
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.matmul.bf16x3 import (
    ONE_TAP,
    TOLERANCE,
    Positions,
    Taps,
    pack_tiles,
    sums_floats,
    tile_panels,
)
from tinyinfer.kernels.matmul.bf16x3_planes import Planes, plane_count, plane_size, split_rows
from tinyinfer.kernels.matmul.gemm import gemm_segments, pack_panels

MIN_CHANNELS, MIN_PRODUCTS = 24, 1000  # of a pixel: splitting its channels takes as long as so many products save
TILES = amx.available()  # settled here, since what is compiled and how weights are packed have to agree

PRODUCT_TOLERANCE = TOLERANCE if TILES else Kernel.tolerance


def on_tiles(k: int, n: int) -> bool:
    """Whether a product of [rows, k] and [k, n] is faster on tiles."""
    return TILES and k >= MIN_CHANNELS and k * n >= MIN_PRODUCTS


_on_tiles, _sums_floats, _plane_size = inline(on_tiles), inline(sums_floats), inline(plane_size)


def pack_product(w: np.ndarray) -> np.ndarray:
    """Weights [K, N] as `row_product` wants them."""
    return pack_tiles(w[None]) if on_tiles(*w.shape) else pack_panels(w)


def product_floats(k: int, n: int, rows: int) -> int:
    """Workspace of a product with so many rows at a time."""
    return sums_floats(rows) + plane_count(k) * plane_size(rows) // 4 if on_tiles(k, n) else 0


@inline
def _on_fma(x, rows, k, w, y, n, epilogue, workspace):
    gemm_segments(x, rows, Segments(1, 0, k), w, y, n, epilogue)


@inline
def _on_either(x, rows, k, w, y, n, epilogue, workspace):
    if _on_tiles(k, n):
        planes = Planes(workspace + _sums_floats(rows) * 4, _plane_size(rows), -(-k // DEPTH))
        split_rows(x, rows, k, 0, planes)
        taps, positions = Taps(ONE_TAP.ctypes.data, 1), Positions(rows, rows, rows)
        tile_panels(planes, taps, positions, w, y, n, epilogue, workspace)
    else:
        gemm_segments(x, rows, Segments(1, 0, k), w, y, n, epilogue)


# y[rows, n] = clip(x[rows, k] @ w + bias + residual); ``workspace`` is the address of `product_floats`
row_product = _on_either if TILES else _on_fma
