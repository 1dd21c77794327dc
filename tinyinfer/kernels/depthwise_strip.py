"""Strips of a depthwise convolution: a few columns of outputs, walked down row by row.

A vector of channels is a vector of convolutions.  A row of inputs reaches several rows of outputs, and all of their
sums stay in registers while the strip walks down: so every input is loaded once and then used for all outputs it
reaches (lesson 04).  Row by row, hundreds of channels do not stay in L1 until the next row of outputs wants them
again, and 28x28x256 takes 1.5 times as long.  The columns beside the image are read from a line of zeros, which
costs a conditional move.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from tinyinfer.kernels.cpu import LANES, vector_registers
from tinyinfer.kernels.depthwise_pixel import MASKS, block_start, finish
from tinyinfer.kernels.jit import inline, shared
from tinyinfer.kernels.simd import vector_function

Accumulate = Callable[[Any, Any, Any, Any], Any]  # (words, total, value, tap) to the new total

# outputs side by side, by kernel: their sums in all rows, a row of inputs and one tap just fit the registers
WIDTHS = (
    {3: (7, 3, 1), 5: (4, 2, 1), 7: (2, 1, 1)}
    if vector_registers() == 32
    else {3: (3, 2, 1), 5: (2, 1, 1), 7: (1, 1, 1)}
)
ROWS = 7  # of outputs in a strip: of longer ones L1 does not keep the lines that hold the next vector of channels too


def multiply_add(v: Any, total: Any, value: Any, tap: Any) -> Any:
    """What a convolution does with each value that an output sees."""
    return v.fma(value, tap, total)


strip_function = vector_function(
    x="address", x_row="int", wrap="int", back="int", top="int", bottom="int", x_stride="int", first="int",
    last="int", w="address", zeros="address", bias="address", r="address", r_row="int", r_stride="int", y="address",
    y_row="int", y_stride="int", rows="int", count="int", lo="float", hi="float", act="int",
)  # fmt: skip


def make_strip(outputs: int, masked: bool, kernel: int, stride: int, group: int, accumulate: Accumulate) -> Any:
    """``rows`` rows of ``outputs`` neighbouring outputs, for one vector of channels.

    With a ``group`` of several channels each output also sees the others of its group: the same inputs serve with
    their lanes exchanged, and ``w`` has taps for each exchange.

    ``x`` is the first tap of the first output.  Input rows lie ``x_row`` apart; after ``wrap`` of them the others are
    ``back`` further back, as the oldest rows of a ring are.  Those before ``top`` (0 or more) and from ``bottom`` on
    lie outside the image, as do the columns before ``first`` and from ``last`` on, at most kernel // 2 each.
    """

    @strip_function
    def strip(
        v, x, x_row, wrap, back, top, bottom, x_stride, first, last, w, zeros, bias, r, r_row, r_stride, y, y_row,
        y_stride, rows, count, lo, hi, act,
    ):  # fmt: skip
        mask = v.mask(count) if masked else None
        columns = (outputs - 1) * stride + kernel
        across = v.evenly_spaced(columns, x_stride)
        summed = -(-kernel // stride)  # rows of outputs that a row of inputs reaches
        sums = [[v.variable(v.load(bias)) for _ in range(outputs)] for _ in range(summed)]
        with v.loop(rows + (summed - 1)) as step:
            row = step - (summed - 1)  # of outputs, the first that is being summed; the first steps only fill the sums
            for new in range(kernel - stride, kernel):
                line = row * stride + new
                with v.when(line > top - 1), v.when(line < bottom):
                    start = x + (line * x_row - v.select(line < wrap, back * 0, back)) * 4
                    places = across(start)
                    for column in range(kernel // 2):
                        places[column] = v.select(first < column + 1, places[column], zeros)
                    for column in range(columns - kernel // 2, columns):
                        places[column] = v.select(last < column + 1, zeros, places[column])
                    for distance in range(group):
                        values = []
                        for at in places:
                            values.append(v.load_masked(at, 0, mask) if masked else v.load(at))
                            if distance == 0:
                                v.prefetch(at, LANES, level=1)  # the next vector of channels, which comes next
                        if distance > 0:
                            values = [v.xor_shuffle(value, distance) for value in values]
                        for later, sums_of_row in enumerate(sums):
                            i = new - later * stride
                            if i < 0:
                                continue
                            with v.when(row + later > -1), v.when(row + later < rows):  # 5x5 takes 0.8 of the time
                                for j in range(kernel):
                                    tap = v.load(w, ((distance * kernel + i) * kernel + j) * LANES)
                                    for t, total in enumerate(sums_of_row):
                                        total.set(accumulate(v, total.get(), values[t * stride + j], tap))
            with v.when(row > -1):
                ys = y + row * y_row * 4
                finish(v, [s.get() for s in sums[0]], r + row * r_row * 4, r_stride, ys, y_stride, mask, lo, hi, act)
            for above, below in itertools.pairwise(sums):
                for a, b in zip(above, below, strict=True):
                    a.set(b.get())
            for total in sums[-1]:
                total.set(v.load(bias))

    return strip


def make_strips(widths: tuple[int, int, int], stride: int, block: int, make: Callable[[int, bool], Any]) -> Any:
    """``rows`` rows of outputs in strips, for blocks b0 .. b1 of channels, each with filters of ``block`` floats.

    ``make`` gives the strip of so many outputs side by side, for a whole vector or a masked one.
    """
    most, some, _ = widths
    full, rest, one = make(most, False), make(some, MASKS), make(1, MASKS)

    @inline
    def strips(
        x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row, y_stride, rows,
        out_w, c, b0, b1, lo, hi, act,
    ):  # fmt: skip
        zeros, count = bias + -(-c // LANES) * (LANES * 4), min(c, LANES)
        ox = 0
        while ox < out_w:
            ix, whole = ox * stride - left, ox + most <= out_w and c >= LANES
            size = most if whole else some if ox + some <= out_w else 1
            xs, rs, ys = x + ix * x_stride * 4, r + ox * r_stride * 4, y + ox * y_stride * 4
            for b in range(b0, b1):  # all channels of a strip before the next: they lie side by side
                at, wb, bb = block_start(b, c) * 4, w + b * (block * 4), bias + b * LANES * 4
                if whole:
                    full(
                        xs + at, x_row, wrap, back, top, bottom, x_stride, -ix, width - ix, wb, zeros, bb,
                        rs + at, r_row, r_stride, ys + at, y_row, y_stride, rows, count, lo, hi, act,
                    )  # fmt: skip
                elif size == some:
                    rest(
                        xs + at, x_row, wrap, back, top, bottom, x_stride, -ix, width - ix, wb, zeros, bb,
                        rs + at, r_row, r_stride, ys + at, y_row, y_stride, rows, count, lo, hi, act,
                    )  # fmt: skip
                else:
                    one(
                        xs + at, x_row, wrap, back, top, bottom, x_stride, -ix, width - ix, wb, zeros, bb,
                        rs + at, r_row, r_stride, ys + at, y_row, y_stride, rows, count, lo, hi, act,
                    )  # fmt: skip
            ox += size

    return strips


def for_either_stride(widths: tuple[int, int, int], block: int, make: Callable[..., Any]) -> Any:
    """`make_strips` at stride 1 or 2, which ``make`` gets too."""
    strips_1, strips_2 = (
        make_strips(widths, stride, block, functools.partial(make, stride=stride)) for stride in (1, 2)
    )

    @inline
    def strips(
        stride, x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row,
        y_stride, rows, out_w, c, b0, b1, lo, hi, act,
    ):  # fmt: skip
        if stride == 1:
            strips_1(
                x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row,
                y_stride, rows, out_w, c, b0, b1, lo, hi, act,
            )  # fmt: skip
        else:
            strips_2(
                x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row,
                y_stride, rows, out_w, c, b0, b1, lo, hi, act,
            )  # fmt: skip

    return strips


def dense_strips(kernel: int, group: int = 1, accumulate: Accumulate = multiply_add) -> Any:
    """Rows of outputs with all taps of a kernel."""
    make = functools.partial(make_strip, kernel=kernel, group=group, accumulate=accumulate)
    return for_either_stride(WIDTHS[kernel], group * kernel * kernel * LANES, make)


STRIP_ARGUMENTS = dict(
    stride="int", x="address", x_row="int", wrap="int", back="int", top="int", bottom="int", x_stride="int",
    width="int", left="int", w="address", bias="address", r="address", r_row="int", r_stride="int", y="address",
    y_row="int", y_stride="int", rows="int", out_w="int", c="int", b0="int", b1="int", lo="float", hi="float",
    act="int",
)  # fmt: skip
_strips_3, _strips_5, _strips_7 = dense_strips(3), dense_strips(5), dense_strips(7)


@shared(**STRIP_ARGUMENTS)
def depthwise_strips_3(
    stride, x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row, y_stride,
    rows, out_w, c, b0, b1, lo, hi, act,
):  # fmt: skip
    """Rows of outputs of a 3x3 kernel."""
    _strips_3(
        stride, x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row,
        y_stride, rows, out_w, c, b0, b1, lo, hi, act,
    )  # fmt: skip


@shared(**STRIP_ARGUMENTS)
def depthwise_strips_5(
    stride, x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row, y_stride,
    rows, out_w, c, b0, b1, lo, hi, act,
):  # fmt: skip
    """Rows of outputs of a 5x5 kernel."""
    _strips_5(
        stride, x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row,
        y_stride, rows, out_w, c, b0, b1, lo, hi, act,
    )  # fmt: skip


@shared(**STRIP_ARGUMENTS)
def depthwise_strips_7(
    stride, x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row, y_stride,
    rows, out_w, c, b0, b1, lo, hi, act,
):  # fmt: skip
    """Rows of outputs of a 7x7 kernel."""
    _strips_7(
        stride, x, x_row, wrap, back, top, bottom, x_stride, width, left, w, bias, r, r_row, r_stride, y, y_row,
        y_stride, rows, out_w, c, b0, b1, lo, hi, act,
    )  # fmt: skip


STRIPS = {3: depthwise_strips_3, 5: depthwise_strips_5, 7: depthwise_strips_7}  # by kernel
