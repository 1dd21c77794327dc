"""Where the numbers of the player lie: arrays one behind the other in one memory, each at the start of a cache line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tinyinfer.pages.player.trace.convolution import (
    CHANNELS,
    KERNELS,
    LINE,
    SIDE,
    WINOGRAD_IN,
    WINOGRAD_OUT,
    Convolution,
)


class Array(NamedTuple):
    """An array in memory: its axes (name, size), the outermost first, and the address of its first number."""

    name: str
    start: int
    axes: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        return math.prod(size for _, size in self.axes)

    def step(self, axis: str) -> int:
        """How far apart neighbours along an axis lie."""
        at = [name for name, _ in self.axes].index(axis)
        return math.prod(size for _, size in self.axes[at + 1 :])

    def at(self, **index: int) -> int:
        """The address of a number; axes that are not named count as 0."""
        return self.start + sum(self.step(axis) * value for axis, value in index.items())


def arrays_of(conv: Convolution) -> dict[str, Array]:
    """Every array that some chapter uses, by name."""
    k, c = conv.kernel, conv.group_in
    spatial = ("y", SIDE), ("x", SIDE)
    out = ("y", conv.out), ("x", conv.out)
    first = conv.layout == "NCHW"
    kernel = (("c", c), ("ky", k), ("kx", k)) if first else (("ky", k), ("kx", k), ("c", c))
    axes: dict[str, tuple[tuple[str, int], ...]] = {
        "image": (("c", CHANNELS), *spatial) if first else (*spatial, ("c", CHANNELS)),
        "weights": (("m", KERNELS), *kernel),
        "result": (("m", KERNELS), *out) if first else (*out, ("m", KERNELS)),
        "matrix": (("g", conv.groups), ("p", conv.windows), ("t", conv.depth)),
        "panels": (("q", conv.panels), ("t", conv.depth), ("l", conv.lanes)),
        "lines": (("s", k), ("x", SIDE), ("c", CHANNELS)),
    }
    if conv.has_winograd:
        tiles, places = (conv.out // WINOGRAD_OUT) ** 2, WINOGRAD_IN**2
        axes["kernels in 4x4"] = (("e", places), ("q", conv.panels), ("c", c), ("l", conv.lanes))
        axes["tiles in 4x4"] = (("e", places), ("p", tiles), ("c", c))
        axes["products"] = (("e", places), ("p", tiles), ("m", KERNELS))
    return _placed(axes)


def _placed(axes: Mapping[str, tuple[tuple[str, int], ...]]) -> dict[str, Array]:
    placed, start = {}, 0
    for name, shape in axes.items():
        placed[name] = Array(name, start, shape)
        start += -(-placed[name].size // LINE) * LINE
    return placed


def memory_of(conv: Convolution, arrays: Mapping[str, Array]) -> np.ndarray:
    """The memory before the first step: image and weights in their layout, and nothing (NaN) elsewhere."""
    last = list(arrays.values())[-1]
    memory = np.full(last.start + -(-last.size // LINE) * LINE, np.nan)
    order, kernels = ((0, 1, 2), (0, 1, 2, 3)) if conv.layout == "NCHW" else ((1, 2, 0), (0, 2, 3, 1))
    for name, values in (("image", conv.image.transpose(order)), ("weights", conv.weights.transpose(kernels))):
        start = arrays[name].start
        memory[start : start + values.size] = values.ravel()
    return memory
