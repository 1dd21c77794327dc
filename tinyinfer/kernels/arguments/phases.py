"""The phases of a transposed convolution: outputs whose places leave the same remainder by the stride.

They see the same taps of the kernel at neighbouring input pixels, so that a phase is a convolution of stride 1 with a
part of the kernel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d


class Phase(NamedTuple):
    """Outputs first, first + stride ... of one axis: output q sees input q + offset and ``len(taps)`` - 1 more."""

    offset: int
    taps: tuple[int, ...]  # of the kernel, in the order of the inputs they meet


def phases(op: ConvTranspose2d, kernel: int, i: int) -> list[Phase]:
    """The phases of rows (``i`` 0) or columns (1); `spacing` is the distance of the inputs that one sees."""
    stride, dilation, padding = op.stride[i], op.dilation[i], op.padding[i]
    found = []
    for first in range(stride):
        taps = [t for t in reversed(range(kernel)) if (first + padding - t * dilation) % stride == 0]
        found.append(Phase((first + padding - taps[0] * dilation) // stride if taps else 0, tuple(taps)))
    return found


def spacing(op: ConvTranspose2d, i: int) -> int:
    """Distance between the inputs that one output sees."""
    return op.dilation[i] // math.gcd(op.dilation[i], op.stride[i])
