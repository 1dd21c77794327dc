"""Matrix products over the rows of a fused kernel, which keeps the rows in cache: on AMX tiles or the FMA units."""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels import amx
from tinyinfer.kernels.amx import DEPTH
from tinyinfer.kernels.base import Kernel
from tinyinfer.kernels.bf16x3 import ONE_TAP, TOLERANCE, pack_tiles, sums_floats, tile_panels
from tinyinfer.kernels.bf16x3_planes import plane_count, plane_size, split_rows
from tinyinfer.kernels.gemm import gemm_segments, pack_panels
from tinyinfer.kernels.jit import inline

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
    """Scratch of a product with so many rows at a time."""
    return sums_floats(rows) + plane_count(k) * plane_size(rows) // 4 if on_tiles(k, n) else 0


@inline
def _on_fma(x, x_stride, rows, k, w, bias, r, r_stride, y, y_stride, n, lo, hi, act, scratch):
    gemm_segments(x, x_stride, rows, 1, 0, k, w, bias, r, r_stride, y, y_stride, n, lo, hi, act)


@inline
def _on_either(x, x_stride, rows, k, w, bias, r, r_stride, y, y_stride, n, lo, hi, act, scratch):
    if _on_tiles(k, n):
        planes, plane_bytes = scratch + _sums_floats(rows) * 4, _plane_size(rows)
        split_rows(x, x_stride, rows, k, 0, planes, plane_bytes)
        tile_panels(
            planes, plane_bytes, ONE_TAP.ctypes.data, 1, -(-k // DEPTH), rows, rows, rows, w, bias, r, r_stride,
            y, y_stride, n, lo, hi, act, scratch,
        )  # fmt: skip
    else:
        gemm_segments(x, x_stride, rows, 1, 0, k, w, bias, r, r_stride, y, y_stride, n, lo, hi, act)


# y[rows, n] = clip(x[rows, k] @ w + bias + r); addresses in bytes, ``scratch`` of `product_floats`
row_product = _on_either if TILES else _on_fma
