"""Tiles of a depthwise convolution: one filter a channel, so a vector of channels is a vector of convolutions.

T outputs of a row stay in registers while the input columns under them pass by: each column is loaded once and
used by every output it reaches (lesson 04).  The few columns beside the image are read from a line of zeros
instead, which costs a conditional move.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.kernels.base import aligned_empty
from tinyinfer.kernels.fused_activation import emit_formula
from tinyinfer.kernels.jit import inline, load, shared
from tinyinfer.kernels.simd import ADDRESS, FLOAT, INT, LANES, vector_function

T = 7  # outputs of a tile: maps of 224-pixel images are multiples of 7 wide, and 7 sums fit 16 registers
REST = 3  # tile for what T leaves over
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


def make_tile(outputs: int, kw: int, stride: int, masked: bool) -> Any:
    """``outputs`` neighbouring outputs of one row for one vector of channels.

    ``x`` is the first tap in the first of ``rows`` input rows, which lie ``x_row`` apart; after ``wrap`` of them the
    others are ``back`` further back, as the oldest rows of a ring are.  Of the input columns under the tile, those
    before ``first`` (at most kw // 2) and from ``last`` on (at most kw // 2) lie beside the image.
    """

    @vector_function(
        x="address", x_row="int", rows="int", wrap="int", back="int", x_stride="int", first="int", last="int",
        w="address", zeros="address", bias="address", r="address", r_stride="int", y="address", y_stride="int",
        count="int", lo="float", hi="float",
        act="int",
    )  # fmt: skip
    def tile(
        v,
        x,
        x_row,
        rows,
        wrap,
        back,
        x_stride,
        first,
        last,
        w,
        zeros,
        bias,
        r,
        r_stride,
        y,
        y_stride,
        count,
        lo,
        hi,
        act,
    ):
        mask = v.mask(count) if masked else None

        def load(address, offset=0):
            return v.load_masked(address, offset, mask) if masked else v.load(address, offset)

        columns = (outputs - 1) * stride + kw
        acc = [v.variable(v.load(bias)) for _ in range(outputs)]
        # the same pixels' next vectors, which come next: another core may have written them last, and a row of pixels
        # is too long a step for the CPU's own prefetching (two threads: 0.7 of the time on MobileNet V2)
        for t in range(outputs):
            v.prefetch(y, y_stride * t + LANES, level=1, write=True)
        with v.loop(rows) as row:
            taps = [v.load(w, (row * kw + j) * LANES) for j in range(kw)]
            line = x + (row * x_row - v.choose(row < wrap, back * 0, back)) * 4
            for column in range(columns):
                reached = [t for t in range(outputs) if 0 <= column - t * stride < kw]
                if not reached:
                    continue
                address = line + x_stride * (column * 4)
                if column < kw // 2:
                    address = v.choose(first < column + 1, address, zeros)
                elif column >= columns - kw // 2:
                    address = v.choose(last < column + 1, zeros, address)
                value = load(address)
                v.prefetch(address, LANES, level=1)
                for t in reached:
                    acc[t].set(v.fma(value, taps[column - t * stride], acc[t].get()))
        finish(v, [a.get() for a in acc], r, r_stride, y, y_stride, mask, lo, hi, act)

    return tile


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


def make_row(kw: int, stride: int) -> Any:
    """A loop over one output row in tiles, for one vector of channels."""
    full, rest, one = (
        make_tile(T, kw, stride, False),
        make_tile(REST, kw, stride, MASKS),
        make_tile(1, kw, stride, MASKS),
    )

    @inline
    def row(
        x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
        lo, hi, act,
    ):  # fmt: skip
        ox = 0
        while ox < out_w:
            ix = ox * stride - left
            xs, rs, ys = x + ix * x_stride * 4, r + ox * r_stride * 4, y + ox * y_stride * 4
            if ox + T <= out_w and count == LANES:
                full(
                    xs, x_row, rows, wrap, back, x_stride, -ix, width - ix, w, zeros, bias,
                    rs, r_stride, ys, y_stride, count, lo, hi, act,
                )  # fmt: skip
                ox += T
            elif ox + REST <= out_w:
                rest(
                    xs, x_row, rows, wrap, back, x_stride, -ix, width - ix, w, zeros, bias,
                    rs, r_stride, ys, y_stride, count, lo, hi, act,
                )  # fmt: skip
                ox += REST
            else:
                one(
                    xs, x_row, rows, wrap, back, x_stride, -ix, width - ix, w, zeros, bias,
                    rs, r_stride, ys, y_stride, count, lo, hi, act,
                )  # fmt: skip
                ox += 1

    return row


_ROW = (
    ADDRESS, INT, INT, INT, INT, INT, INT, INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, INT, ADDRESS, INT, INT, INT,
    FLOAT, FLOAT, INT,
)  # fmt: skip
_row_3_1 = make_row(3, 1)
_row_3_2 = make_row(3, 2)
_row_5_1 = make_row(5, 1)
_row_5_2 = make_row(5, 2)


@shared(*_ROW)
def depthwise_row_3_1(
    x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
    lo, hi, act,
):  # fmt: skip
    """One output row of a kernel 3 wide at stride 1."""
    _row_3_1(
        x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
        lo, hi, act,
    )  # fmt: skip


@shared(*_ROW)
def depthwise_row_3_2(
    x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
    lo, hi, act,
):  # fmt: skip
    """One output row of a kernel 3 wide at stride 2."""
    _row_3_2(
        x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
        lo, hi, act,
    )  # fmt: skip


@shared(*_ROW)
def depthwise_row_5_1(
    x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
    lo, hi, act,
):  # fmt: skip
    """One output row of a kernel 5 wide at stride 1."""
    _row_5_1(
        x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
        lo, hi, act,
    )  # fmt: skip


@shared(*_ROW)
def depthwise_row_5_2(
    x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
    lo, hi, act,
):  # fmt: skip
    """One output row of a kernel 5 wide at stride 2."""
    _row_5_2(
        x, x_row, rows, wrap, back, x_stride, width, left, w, zeros, bias, r, r_stride, y, y_stride, out_w, count,
        lo, hi, act,
    )  # fmt: skip


ROWS = {3: (depthwise_row_3_1, depthwise_row_3_2), 5: (depthwise_row_5_1, depthwise_row_5_2)}  # by width, stride


def load_rows(kw: int) -> None:
    """Have the rows of this width compiled."""
    load(*ROWS[kw])
