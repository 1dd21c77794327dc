"""Depthwise convolution: the strips of `depthwise_strip` for usual kernels, pixel by pixel for all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.depthwise_pixel import MASKS, block_start, make_pixel, pack_filters
from tinyinfer.kernels.depthwise_strip import ROWS, STRIPS
from tinyinfer.kernels.endings import FUSED, ending, residual_of
from tinyinfer.kernels.jit import inline, load
from tinyinfer.kernels.pages import aligned
from tinyinfer.kernels.parts import own_piece, partition, walks_up
from tinyinfer.kernels.task import Task, task
from tinyinfer.kernels.windows import tap_range, window_geometry
from tinyinfer.ops.conv2d import Conv2d


@inline
def walk(up, row, rows, iy, h, kernel, stride, down):
    """Where a walk through ``rows`` rows of outputs begins, whose uppermost is ``row`` and sees inputs from ``iy`` on.

    The first row of outputs and of inputs, and which of the rows of inputs lie inside an image of ``h``: from, to.
    """
    if up:
        row += (rows - 1) * down
        iy += ((rows - 1) * stride + kernel - 1) * down
        return row, iy, max(0, -((h - 1 - iy) // down)), iy // down + 1
    return row, iy, max(0, -(iy // down)), -(-(h - iy) // down)


def both_ways(filters: np.ndarray, kernel: tuple[int, int]) -> np.ndarray:
    """What `pack_filters` gives, and behind it the same upside down, for strips that walk up."""
    return aligned(np.stack([w := filters.reshape(-1, *kernel, LANES), w[:, ::-1]]))


def make_depthwise(kernel: int, strips: Any) -> Task:
    """clip(conv2d + bias + r) for square kernels at stride 1 and 2, and with dilation at stride 1; filters `both_ways`.

    With dilation an output sees only pixels of its grid (`grids`), each of which is an image by itself.  Two threads
    that walk away from each other take 0.7 to 0.9 of the time.
    """

    @task
    def depthwise(
        part, parts, x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks, block_parts
    ):
        h, width, out_h, out_w, _, _, stride, _, top, left, down, across = geometry
        p, p1, b0, b1 = own_piece(part, rows, blocks, parts, block_parts)
        up = walks_up(part // block_parts, parts // block_parts, (p1 - p - 1) * stride + kernel)
        filters, way = (w.ctypes.data + w.size // 2 * 4, -down) if up else (w.ctypes.data, down)
        while p < p1:
            if up:  # the last rows first
                start = max(p, p1 - ROWS * down, (p1 - 1) // out_h * out_h)
                count, p1 = p1 - start, start
            else:
                start = p
                count = min(ROWS * down, p1 - p, out_h - p % out_h)
                p += count
            image, oy = start // out_h, start % out_h
            for i in range(min(down, count)):
                strip_rows = -(-(count - i) // down)
                row, iy, before, end = walk(up, i, strip_rows, (oy + i) * stride - top, h, kernel, stride, down)
                for j in range(min(across, out_w)):
                    first = (j - left) % across  # column of inputs in the grid of output j, as in `list_grids`
                    line, pixel = (image * h + iy) * width, (start + row) * out_w + j
                    columns, beside = -(-(width - first) // across), (left - j + first) // across
                    strips(
                        stride, x.ctypes.data + (line + first) * x_stride * 4, way * width * x_stride, h + kernel, 0,
                        before, end, across * x_stride, columns, beside, filters, bias.ctypes.data,
                        r.ctypes.data + pixel * r_stride * 4, way * out_w * r_stride, across * r_stride,
                        y.ctypes.data + pixel * y_stride * 4, way * out_w * y_stride, across * y_stride,
                        strip_rows, -(-(out_w - j) // across), c, b0, b1, lo, hi, act,
                    )  # fmt: skip

    return depthwise


BY_KERNEL = {kernel: make_depthwise(kernel, strips) for kernel, strips in STRIPS.items()}
pixel = make_pixel(MASKS)


@task
def depthwise_any(
    part, parts, x, x_stride, c, geometry, w, bias, r, r_stride, y, y_stride, lo, hi, act, rows, blocks, block_parts
):
    """The same for every kernel size, stride, padding and dilation."""
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    count = min(c, LANES)
    p0, p1, b0, b1 = own_piece(part, rows, blocks, parts, block_parts)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        iy = oy * stride_h - top
        i0, i1 = tap_range(iy, h, kh, dilation_h)
        line, x_row = (image * h + iy + i0 * dilation_h) * width, dilation_h * width * x_stride
        for ox in range(out_w):
            ix = ox * stride_w - left
            j0, j1 = tap_range(ix, width, kw, dilation_w)
            to = p * out_w + ox
            for b in range(b0, b1):
                at = block_start(b, c)
                pixel(
                    x.ctypes.data + ((line + ix + j0 * dilation_w) * x_stride + at) * 4, x_row, i1 - i0,
                    dilation_w * x_stride, j1 - j0, w.ctypes.data + ((b * kh + i0) * kw + j0) * LANES * 4, kw * LANES,
                    bias.ctypes.data + b * LANES * 4, r.ctypes.data + (to * r_stride + at) * 4, r_stride,
                    y.ctypes.data + (to * y_stride + at) * 4, y_stride, count, lo, hi, act,
                )  # fmt: skip


def fits_strips(problem: Problem) -> bool:
    """Whether the strips serve: a square kernel, one stride, and no more than half a kernel beside the image."""
    _, width, _, out_w, kh, kw, stride_h, stride, _, left, down, across = window_geometry(problem)
    right = (out_w - 1) * stride + (kw - 1) * across + 1 - left - width
    either = down == across == 1 or stride == 1  # dilated, or with a stride
    plain = kh == kw and kw in STRIPS and stride == stride_h and stride in (1, 2) and either
    return plain and max(left, right) <= kw // 2 * across


class Depthwise(Kernel):
    """One input and one output channel a group, zero padding."""

    op = "conv2d"
    name = "depthwise"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, Conv2d)
        single = op.groups == problem.inputs[0][1] == problem.outputs[0][1]
        enough = MASKS or op.groups >= LANES
        return single and enough and op.padding_mode == "zeros" and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        weight = layer.params["weight"]
        filters, bias = pack_filters(weight, layer.params.get("bias"))
        return both_ways(filters, weight.shape[2:]), bias

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (w, bias), geometry = self.packed, window_geometry(self.problem)
        rows, blocks = y.n * y.h, -(-y.c // LANES)
        row_parts, block_parts = partition(rows, blocks, self.problem.threads)
        depthwise = depthwise_any
        if fits_strips(self.problem):
            load(STRIPS[geometry[5]])
            depthwise = BY_KERNEL[geometry[5]]
        return depthwise.bind(
            row_parts * block_parts, x.data, x.pixel_stride, x.c, geometry, w, bias, *residual_of(inputs, y),
            y.data, y.pixel_stride, *ending(self.problem.op.activation), rows, blocks, block_parts,
        )  # fmt: skip


KERNELS = (Depthwise,)
