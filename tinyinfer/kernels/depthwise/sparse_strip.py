"""Strips of a depthwise convolution of which a vector of channels has few taps that are not zero.

So it is with a shift, which has one tap a channel, once channels that are moved alike stand side by side: a vector
meets two or three taps of 25, and each is a load and a multiply-add for every output, whatever the kernel's size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.depthwise.depthwise_pixel import finish
from tinyinfer.kernels.depthwise.depthwise_strip import STRIP_ARGUMENTS, for_either_stride, strip_function
from tinyinfer.kernels.parallel.pages import aligned_empty

# taps of a vector, and no more than a fifth of the kernel's: chains of 5x5 with five are clearly faster than strips
# that load every pixel once, of 3x3 with two as fast, with three slower
FEW = 5
HEADER = 32  # floats in front of them: the number of taps, and the row and column of each, as 64-bit integers
BLOCK = HEADER + FEW * LANES  # floats of a vector's filters
WIDTHS = (7, 3, 1)  # outputs side by side


def order_by_tap(weight: np.ndarray) -> np.ndarray | None:
    """An order of the channels of a (C, 1, R, S) weight with one tap each, by tap; None for any other weight."""
    taps = weight.reshape(len(weight), -1) != 0
    return np.argsort(taps.argmax(axis=1), kind="stable") if (taps.sum(axis=1) <= 1).all() else None


def pack_sparse_filters(filters: np.ndarray, kernel: int) -> np.ndarray | None:
    """What `pack_filters` made, without the taps that are zero in a whole vector; None where many are left in one."""
    by_vector = filters.reshape(-1, kernel**2, LANES)
    taps = [np.flatnonzero(vector.any(axis=1)) for vector in by_vector]
    if max(map(len, taps)) > min(FEW, kernel**2 // 5):
        return None
    packed = aligned_empty(len(taps) * BLOCK).reshape(-1, BLOCK)
    packed[:] = 0
    for to, vector, own in zip(packed, by_vector, taps, strict=True):
        numbers = [len(own), *np.stack(np.divmod(own, kernel), axis=1).reshape(-1)]
        to[:HEADER].view(np.int64)[: len(numbers)] = numbers
        to[HEADER:][: own.size * LANES] = vector[own].reshape(-1)
    return packed.reshape(-1)


def make_sparse_strip(outputs: int, masked: bool, stride: int) -> Any:
    """`make_strip` with filters from `pack_sparse_filters`, of a kernel of any size."""

    @strip_function
    def strip(v, x, buffer, inside, w, zeros, y, rows, count, epilogue):
        mask = v.mask(count) if masked else None
        across = v.evenly_spaced(outputs, x.pixel * stride)
        sums = [v.variable(v.load(epilogue.bias)) for _ in range(outputs)]
        with v.loop(rows) as row:
            for total in sums:
                total.set(v.load(epilogue.bias))
            with v.loop(v.load_int(w)) as k:
                line, column = row * stride + v.load_int(w, k * 2 + 1), v.load_int(w, k * 2 + 2)
                with v.when(line > inside.top - 1), v.when(line < inside.bottom):
                    back, left, right = v.select(line < buffer.wrap, 0, buffer.back), inside.left, inside.right
                    start = x.address + (line * x.row - back + column * x.pixel) * 4
                    tap, places = v.load(w, k * LANES + HEADER), across(start)
                    room = v.select(left < column + 1, right - column, 0)
                    with v.either(room > (outputs - 1) * stride) as (whole, beside):
                        with whole:  # most are inside the image
                            _add(v, sums, places, tap, mask)
                        with beside:
                            for t in range(outputs):
                                places[t] = v.select(left < column + (t * stride + 1), places[t], zeros)
                                places[t] = v.select(column + t * stride < right, places[t], zeros)
                            _add(v, sums, places, tap, mask)
            finish(v, [s.get() for s in sums], y.line(row), mask, epilogue.line(row))

    return strip


def _add(v: Any, sums: list[Any], places: list[Any], tap: Any, mask: Any) -> None:
    """What a tap sees for each output, times the tap, onto the sums."""
    for total, at in zip(sums, places, strict=True):
        value = v.load(at) if mask is None else v.load_masked(at, 0, mask)
        total.set(v.fma(value, tap, total.get()))


sparse_strips = shared("sparse_strips", **STRIP_ARGUMENTS)(for_either_stride(WIDTHS, BLOCK, make_sparse_strip))
