"""What all depthwise kernels share: packed filters, the epilogue of a sum, and one output of any kernel at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.operands import Epilogue, Image, Rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.pointwise_math.fused_activation import emit_formula

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

    @vector_function(x=Image, rows="int", columns="int", w=Rows, y=Rows, count="int", epilogue=Epilogue)
    def pixel(v, x, rows, columns, w, y, count, epilogue):
        mask = v.mask(count) if masked else None
        acc = v.variable(v.load(epilogue.bias))
        with v.loop(rows) as row, v.loop(columns) as column:
            offset = row * x.row + column * x.pixel
            value = v.load_masked(x.address, offset, mask) if masked else v.load(x.address, offset)
            acc.set(v.fma(value, v.load(w.address, row * w.stride + column * LANES), acc.get()))
        finish(v, [acc.get()], y, mask, epilogue)

    return pixel


def finish(v: Any, sums: list[Any], y: Rows, mask: Any, epilogue: Epilogue) -> None:
    """Emit the epilogue: add the residual where there is one, clip or apply the formula, store."""
    low, high, residual = v.broadcast(epilogue.lo), v.broadcast(epilogue.hi), epilogue.residual
    sums = [v.variable(s) for s in sums]
    with v.when(residual.stride != 0):
        for t, s in enumerate(sums):
            place = residual.address, residual.stride * t
            s.set(v.add(s.get(), v.load(*place) if mask is None else v.load_masked(*place, mask)))

    def store(t: int, value: Any) -> None:
        if mask is None:
            v.store(value, y.address, y.stride * t)
        else:
            v.store_masked(value, y.address, y.stride * t, mask)

    # in registers: overlapping blocks of two threads must never see others' sums
    emit_formula(v, epilogue.act, [v.clip(s.get(), low, high) for s in sums], store)


@inline
def block_start(block, c):
    """First channel of a block; the last block overlaps the one before instead of being a part of one."""
    return max(0, min(block * LANES, c - LANES))
