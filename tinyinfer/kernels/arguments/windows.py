"""Where the windows of a convolution lie."""

from __future__ import annotations

from typing import NamedTuple

from tinyinfer.kernels.base import Problem
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.ops.convolution.conv2d import Conv2d


class Geometry(NamedTuple):
    """The windows of a convolution: sizes of image, output and kernel, strides, padding before the image, dilation."""

    h: int
    w: int
    out_h: int
    out_w: int
    kh: int
    kw: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    dilation_h: int
    dilation_w: int


def _convolution(problem: Problem) -> Conv2d:
    """The convolution of a problem, or whose sums a problem on codes has."""
    op = getattr(problem.op, "layer", problem.op)
    assert isinstance(op, Conv2d)
    return op


def window_geometry(problem: Problem) -> Geometry:
    """The windows of a problem."""
    op, size, kernel = _convolution(problem), problem.inputs[0][2:], problem.params["weight"].shape[2:]
    top, _, left, _ = op.pads(size, kernel)
    return Geometry(*size, *problem.outputs[0][2:], *kernel, *op.stride, top, left, *op.dilation)


def is_pointwise(problem: Problem) -> bool:
    """Whether the windows of a problem are the pixels of the image, one after the other."""
    return _convolution(problem).is_pointwise(problem.inputs[0][2:], problem.params["weight"].shape[2:])


@inline
def tap_range(start, size, taps, dilation):
    """First and one past the last of the taps start, start + dilation, ... that lie in 0 .. size."""
    first = min(taps, max(0, -(start // dilation))) if start < 0 else 0
    last = min(taps, (size - start + dilation - 1) // dilation)
    return first, max(first, last)
