"""The boxes that a detector starts from: some of set sizes around every pixel of each of its maps (Liu et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tinyinfer.errors import ModelFormatError

MOST = 1 << 20  # numbers in a description, and pixels of a stride
KEYS = ("strides", "sizes", "variances", "overlap")

Sizes = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Anchors:
    """Where a detector looks for boxes, and how its offsets from there are to be read.

    ``strides``: input pixels between the pixels of each map.  ``sizes``: (width, height) of the anchors at each pixel
    of each map, as shares of the input's.  ``variances``: what offsets of centre and of size are multiplied by.
    ``overlap``: the intersection over union above which the weaker of two boxes of a class is given up.
    """

    strides: tuple[int, ...]
    sizes: tuple[Sizes, ...]
    variances: tuple[float, float] = (0.1, 0.2)
    overlap: float = 0.55

    @classmethod
    def from_meta(cls, meta: Any) -> Anchors:
        """Read a model's ``meta["anchors"]``; raises ModelFormatError naming the key that is wrong or unknown."""
        if not isinstance(meta, Mapping) or set(meta) != set(KEYS):
            found = ", ".join(map(str, meta)) if isinstance(meta, Mapping) else repr(meta)[:60]
            raise ModelFormatError(f"anchors: expected the keys {', '.join(KEYS)}, found {found}")
        strides = _items(meta["strides"], "strides")
        for stride in strides:
            _require(isinstance(stride, int) and 0 < stride <= MOST, "strides", "whole numbers above 0", stride)
        maps = _items(meta["sizes"], "sizes")
        _require(len(maps) == len(strides), "sizes", f"{len(strides)} lists, one a stride", len(maps))
        sizes = tuple(tuple(_two(size, "sizes") for size in _items(sizes, "sizes")) for sizes in maps)
        (overlap,) = _shares([meta["overlap"]], "overlap")
        _require(overlap <= 1, "overlap", "at most 1", overlap)
        return cls(tuple(strides), sizes, _two(meta["variances"], "variances"), overlap)

    def to_meta(self) -> dict[str, Any]:
        """What `from_meta` reads, in lists and numbers."""
        listed = [[list(size) for size in sizes] for sizes in self.sizes]
        return {**asdict(self), "strides": list(self.strides), "sizes": listed, "variances": list(self.variances)}

    def count(self, height: int, width: int) -> int:
        """How many there are in an input of this size."""
        grids = (_grid(height, width, stride) for stride in self.strides)
        return sum(rows * columns * len(sizes) for (rows, columns), sizes in zip(grids, self.sizes, strict=True))

    def boxes(self, height: int, width: int) -> np.ndarray:
        """All of them for an input of this size in pixels: float64 (anchors, 4) of centre x, centre y, width, height.

        In the order of a head's outputs: map by map, row by row, pixel by pixel, size by size.
        """
        found = []
        for stride, sizes in zip(self.strides, self.sizes, strict=True):
            rows, columns = _grid(height, width, stride)
            boxes = np.empty((rows, columns, len(sizes), 4))
            boxes[..., 0] = ((np.arange(columns) + 0.5) / columns * width)[None, :, None]
            boxes[..., 1] = ((np.arange(rows) + 0.5) / rows * height)[:, None, None]
            boxes[..., 2:] = np.array(sizes) * (width, height)
            found.append(boxes.reshape(-1, 4))
        return np.concatenate(found)


def ssd_sizes(
    maps: int, ratios: Sequence[float] = (2, 3), smallest: float = 0.2, largest: float = 0.95, finest: int | None = None
) -> tuple[Sizes, ...]:
    """SSD's anchors (Liu et al. 2016, section 2.2): scales in even steps, in each two squares and both ways of a ratio.

    The second square is between this scale and the next, which is the whole picture after the last.  No side is above
    1.  ``finest`` 3 is the first map's lighter set of the MobileNets' authors: a square of half the smallest scale,
    and the first ratio both ways.
    """
    step = (largest - smallest) / max(maps - 1, 1)
    scales = [*(smallest + step * k for k in range(maps)), 1.0]
    found = []
    for scale, following in pairwise(scales):
        sides = [(scale, 1.0), ((scale * following) ** 0.5, 1.0)]
        sides += [(scale, way) for ratio in ratios for way in (ratio, 1 / ratio)]
        found.append(_cut(sides))
    if finest == 3:
        found[0] = _cut([(smallest / 2, 1.0), (smallest, ratios[0]), (smallest, 1 / ratios[0])])
    return tuple(found)


def _cut(sides: Sequence[tuple[float, float]]) -> Sizes:
    """(width, height) of each (scale, ratio), whose product is the scale's square unless cut."""
    return tuple((min(scale * ratio**0.5, 1.0), min(scale / ratio**0.5, 1.0)) for scale, ratio in sides)


def _grid(height: int, width: int, stride: int) -> tuple[int, int]:
    """Rows and columns of a map: each halving on the way to it rounded up."""
    return -(-height // stride), -(-width // stride)


def _items(value: Any, key: str) -> Sequence[Any]:
    _require(isinstance(value, list | tuple) and 0 < len(value) <= MOST, key, "a list that is not empty", value)
    return list(value)


def _two(value: Any, key: str) -> tuple[float, float]:
    numbers = _shares(_items(value, key), key)
    _require(len(numbers) == 2, key, "two numbers", value)
    return numbers[0], numbers[1]


def _shares(values: Sequence[Any], key: str) -> list[float]:
    for value in values:
        good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST
        _require(good, key, f"numbers above 0, up to {MOST}", value)
    return [float(value) for value in values]


def _require(condition: bool, key: str, expected: str, found: object) -> None:
    if not condition:
        raise ModelFormatError(f"anchors: {key}: expected {expected}, found {repr(found)[:60]}")
