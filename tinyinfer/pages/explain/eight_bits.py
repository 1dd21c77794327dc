"""Feature maps and kernels in 8 bits, compressed, and as many of them as a page of a given size can hold."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.pages.document import base64_bytes

LEVELS = 255
ZERO = 127  # the level of 0 in kernels
LEAST = 3  # channels of every node that are shown, however large
ROUNDS = 8
FIRST_GUESS = 0.6  # of a byte, what a byte of these becomes when compressed


class Rows(NamedTuple):
    """What can be in a page as a whole or in part: ``data`` (rows, ...) and the order in which rows are wanted."""

    data: np.ndarray
    order: np.ndarray
    signed: bool = False

    @property
    def unit(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self.data.shape[1:]))


class Packed(NamedTuple):
    """Which rows are in it, ascending, and the compressed bytes of `codes` as text."""

    kept: np.ndarray
    text: str


def pack(items: Sequence[Rows], size: int) -> list[Packed]:
    """As many rows of each as fit into ``size`` characters together, at least `LEAST` of each."""
    ratio = FIRST_GUESS
    for _ in range(ROUNDS):
        counts = fill([(item.unit, len(item.data)) for item in items], size * 3 / 4 / ratio)
        packed = [_packed(item, count) for item, count in zip(items, counts, strict=True)]
        if (length := sum(len(p.text) for p in packed)) <= size:
            break
        ratio *= 1.02 * length / size
    return packed


def fill(items: Sequence[tuple[int, int]], total: float) -> list[int]:
    """How many of ``count`` rows of ``unit`` bytes each item keeps so that all are some ``total`` bytes.

    Rows are kept in inverse proportion to the square root of their size, so that large ones give way first, but not
    alone: maps of half the side are twice as many.
    """
    if sum(unit * count for unit, count in items) <= total:
        return [count for _, count in items]
    low, high = 0.0, float(max((unit**0.5 * count for unit, count in items), default=0))
    for _ in range(40):
        limit = (low + high) / 2
        if sum(unit * _kept(unit, count, limit) for unit, count in items) <= total:
            low = limit
        else:
            high = limit
    return [_kept(unit, count, low) for unit, count in items]


def _kept(unit: int, count: int, limit: float) -> int:
    return min(count, max(int(limit / unit**0.5), LEAST))


def _packed(item: Rows, count: int) -> Packed:
    kept = np.sort(item.order[:count])
    return Packed(kept, base64_bytes(zlib.compress(codes(item.data[kept], item.signed))))


def codes(rows: np.ndarray, signed: bool) -> bytes:
    """Rows as bytes: two float32 numbers a row, low and step, then a byte for each element: low + step * byte.

    ``signed`` puts 0 on a level, as kernels want it.
    """
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    low, high = flat.min(axis=1), flat.max(axis=1)
    step = (high - low) / LEVELS
    if signed:
        fraction, exponent = np.frexp(np.maximum(np.abs(low), np.abs(high)) / ZERO)
        step = np.ldexp(np.ceil(fraction * 2**16) / 2**16, exponent)  # so few digits that low is exact in float32
        low = -ZERO * step
    step[step == 0] = 1
    levels = np.rint((flat - low[:, None]) / step[:, None]).astype(np.uint8)
    head = np.stack([low, step], axis=1).astype("<f4")
    return bytes(head.tobytes() + levels.tobytes())
