"""Where the windows of a convolution lie."""

from __future__ import annotations

from tinyinfer.kernels.base import Problem
from tinyinfer.kernels.jit import inline
from tinyinfer.ops.conv2d import Conv2d


def window_geometry(problem: Problem) -> tuple[int, ...]:
    """(h, w, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w) of a convolution."""
    op = problem.op
    assert isinstance(op, Conv2d)
    size, kernel = problem.inputs[0][2:], problem.params["weight"].shape[2:]
    top, _, left, _ = op.pads(size, kernel)
    return (*size, *problem.outputs[0][2:], *kernel, *op.stride, top, left, *op.dilation)


@inline
def tap_range(start, size, taps, dilation):
    """First and one past the last of the taps start, start + dilation, ... that lie in 0 .. size."""
    first = min(taps, max(0, -(start // dilation))) if start < 0 else 0
    last = min(taps, (size - start + dilation - 1) // dilation)
    return first, max(first, last)
