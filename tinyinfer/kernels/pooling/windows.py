"""Which pixels each output of a pool sees, in tables made at planning time.

Pools differ only in that and in what a sum is divided by, so that one loop serves sliding, adaptive and global ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.base import Problem
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.parallel.parts import SMALL
from tinyinfer.ops.pooling.adaptive_pooling import bins
from tinyinfer.ops.pooling.pooling import AvgPool2d, WindowPool

POOL_SMALL = 8 * SMALL  # floats of inputs from which on another thread pays, which it does for few global pools


class Windows(NamedTuple):
    """On images of h x w, for each output row and column the first pixel it sees and how many, ``dilation`` apart."""

    h: int
    w: int
    row_start: np.ndarray
    row_count: np.ndarray
    column_start: np.ndarray
    column_count: np.ndarray
    dilation_h: int
    dilation_w: int
    scale: np.ndarray  # (out_h * out_w,) factor of the result: 1 for a maximum

    @property
    def all_see_pixels(self) -> bool:
        """Whether no output lies beside the image altogether."""
        return bool(self.row_count.min() > 0 and self.column_count.min() > 0)


@inline
def window_of(windows, p):
    """Image, first row and column, and how many rows and columns output pixel p sees; its number in its image."""
    out_h, out_w = windows.row_start.size, windows.column_start.size
    image, at = p // (out_h * out_w), p % (out_h * out_w)
    i, j = at // out_w, at % out_w
    return image, windows.row_start[i], windows.column_start[j], windows.row_count[i], windows.column_count[j], at


def sliding(problem: Problem) -> Windows:
    """The windows of max_pool2d and avg_pool2d, clipped to the image."""
    op: Any = problem.op
    assert isinstance(op, WindowPool)
    size, out = problem.inputs[0][2:], problem.outputs[0][2:]
    top, _, left, _ = op.pads(size)
    sides = []
    for i, before in enumerate((top, left)):
        start = np.arange(out[i]) * op.step[i] - before
        first = np.maximum(0, -(start // op.dilation[i]))  # taps that lie before the image
        last = np.clip(-(-(size[i] - start) // op.dilation[i]), 0, op.kernel_size[i])
        sides += [start + first * op.dilation[i], np.maximum(last - first, 0)]
    counts = op.counts(size) if isinstance(op, AvgPool2d) else np.ones((1, 1, 1, 1))
    scale = np.broadcast_to(1 / counts, (1, 1, *out)).astype(np.float32).reshape(-1)
    return Windows(*size, *sides, *op.dilation, scale)


def adaptive(problem: Problem) -> Windows:
    """The bins of adaptive pooling."""
    size, out = problem.inputs[0][2:], problem.outputs[0][2:]
    sides = []
    for i in range(2):
        cuts = bins(size[i], out[i])
        sides += [np.array([cut.start for cut in cuts]), np.array([cut.stop - cut.start for cut in cuts])]
    counts = np.outer(sides[1], sides[3]) if problem.op.name == "adaptive_avg_pool2d" else np.ones(out)
    scale = (1 / counts).astype(np.float32).reshape(-1)
    return Windows(*size, *sides, 1, 1, scale)
