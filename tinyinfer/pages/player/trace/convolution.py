"""The toy convolution of the player: sizes, numbers, and where each array lies in memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Literal, NamedTuple

import numpy as np

from tinyinfer.ops import reference

Layout = Literal["NHWC", "NCHW"]

CHANNELS, KERNELS, SIDE = 4, 8, 6  # of the image, of the result, of the image again: small enough to be drawn
LANES = 4  # numbers in a vector register
TILE_ROWS = 4  # pixels of a register tile
LINE = 8  # numbers in a line of the cache
WINOGRAD_OUT, WINOGRAD_IN = 2, 4  # sides of a tile of F(2x2, 3x3)


class Convolution(NamedTuple):
    """A choice of the switches.  ``depth`` numbers make one result: K * K * C / groups."""

    layout: Layout = "NHWC"
    kernel: int = 3
    stride: int = 1
    groups: int = 1

    @property
    def out(self) -> int:
        """The side of the result; nothing is padded."""
        return (SIDE - self.kernel) // self.stride + 1

    @property
    def windows(self) -> int:
        return self.out**2

    @property
    def group_in(self) -> int:
        return CHANNELS // self.groups

    @property
    def group_out(self) -> int:
        return KERNELS // self.groups

    @property
    def depth(self) -> int:
        return self.kernel**2 * self.group_in

    @property
    def lanes(self) -> int:
        """Result channels in a vector: a narrow group leaves lanes idle."""
        return min(LANES, self.group_out)

    @property
    def panels(self) -> int:
        """Vectors of result channels, over all groups."""
        return KERNELS // self.lanes

    @property
    def has_winograd(self) -> bool:
        return (self.kernel, self.stride, self.groups) == (3, 1, 1)

    def taps(self) -> Iterator[tuple[int, int, int]]:
        """(channel in its group, ky, kx) in the order in which a kernel's weights lie."""
        k, c = range(self.kernel), range(self.group_in)
        if self.layout == "NCHW":
            yield from product(c, k, k)
        else:
            yield from ((channel, ky, kx) for ky, kx, channel in product(k, k, c))

    @property
    def image(self) -> np.ndarray:
        """(C, H, W): digits from 0 to 4."""
        return np.random.default_rng(7).integers(0, 5, (CHANNELS, SIDE, SIDE))

    @property
    def weights(self) -> np.ndarray:
        """(M, C / groups, K, K): whole numbers from -2 to 2, so that every sum is exact."""
        return np.random.default_rng(24).integers(-2, 3, (KERNELS, self.group_in, self.kernel, self.kernel))

    def result(self) -> np.ndarray:
        """(M, H', W') by the textbook."""
        x, w = self.image[None].astype(np.float64), self.weights.astype(np.float64)
        found = reference("conv2d")(x, w, stride=self.stride, groups=self.groups)
        return np.asarray(found[0])


def every_convolution() -> Iterator[Convolution]:
    """All settings of the switches."""
    for layout, kernel, stride, groups in product(("NHWC", "NCHW"), (1, 3, 5), (1, 2), (1, 2, 4)):
        yield Convolution(layout, kernel, stride, groups)  # type: ignore[arg-type]
