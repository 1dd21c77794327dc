"""What all depthwise kernels share: packed filters, the ending of a sum, and one output of any kernel at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.fused_activation import emit_formula
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.pages import aligned_empty
from tinyinfer.kernels.simd import vector_function

MASKS = LANES > 4  # with 4 lanes (NEON, SSE) there are no masked loads worth the name


def pack_filters(weight: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(C, 1, R, S) as [block, tap, lane], and bias as [block, lane] followed by the zeros that stand for the border."""
    c, _, kh, kw = weight.shape
    blocks, lanes = -(-c // LANES), min(c, LANES)
    w, b = aligned_empty(blocks * kh * kw * LANES), aligned_empty((blocks + 1) * LANES)
    w[:], b[:] = 0, 0
    given = np.zeros(c, np.float32) if bias is None else bias
    for block in range(blocks):
        at = slice(max(0, min(block * LANES, c - LANES)), None)
        w.reshape(blocks, kh * kw, LANES)[block, :, :lanes] = weight[at].reshape(-1, kh * kw)[:lanes].T
        b.reshape(-1, LANES)[block, :lanes] = given[at][:lanes]
    return w, b


def make_pixel(masked: bool) -> Any:
    """One output for one vector of channels, with any number of taps at any distance, all inside the image."""

    @vector_function(
        x="address", x_row="int", rows="int", x_stride="int", columns="int", w="address", w_row="int",
        bias="address", r="address", r_stride="int", y="address", y_stride="int", count="int", lo="float", hi="float",
        act="int",
    )  # fmt: skip
    def pixel(v, x, x_row, rows, x_stride, columns, w, w_row, bias, r, r_stride, y, y_stride, count, lo, hi, act):
        mask = v.mask(count) if masked else None
        acc = v.variable(v.load(bias))
        with v.loop(rows) as row, v.loop(columns) as column:
            offset = row * x_row + column * x_stride
            value = v.load_masked(x, offset, mask) if masked else v.load(x, offset)
            acc.set(v.fma(value, v.load(w, row * w_row + column * LANES), acc.get()))
        finish(v, [acc.get()], r, r_stride, y, y_stride, mask, lo, hi, act)

    return pixel


def finish(
    v: Any, sums: list[Any], r: Any, r_stride: Any, y: Any, y_stride: Any, mask: Any, lo: Any, hi: Any, act: Any
) -> None:
    """Emit the ending: add the residual where there is one, clip or apply the formula, store."""
    low, high = v.broadcast(lo), v.broadcast(hi)
    sums = [v.variable(s) for s in sums]
    with v.when(r_stride != 0):
        for t, s in enumerate(sums):
            other = v.load(r, r_stride * t) if mask is None else v.load_masked(r, r_stride * t, mask)
            s.set(v.add(s.get(), other))
    for s in sums:
        s.set(v.clip(s.get(), low, high))
    emit_formula(v, act, sums)  # in registers: overlapping blocks of two threads must never see each other's sums
    for t, s in enumerate(sums):
        if mask is None:
            v.store(s.get(), y, y_stride * t)
        else:
            v.store_masked(s.get(), y, y_stride * t, mask)


@inline
def block_start(block, c):
    """First channel of a block; the last block overlaps the one before instead of being a part of one."""
    return max(0, min(block * LANES, c - LANES))
