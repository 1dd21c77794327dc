"""Depthwise convolution: the strips of `depthwise_strip` for usual kernels, pixel by pixel for all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Address, Epilogue, Image, ImageEpilogue, Rows
from tinyinfer.kernels.arguments.windows import Geometry, tap_range, window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline, load
from tinyinfer.kernels.depthwise.depthwise_pixel import MASKS, block_start, make_pixel, pack_filters
from tinyinfer.kernels.depthwise.depthwise_strip import ROWS, STRIPS, Extent, Inside, LineBuffer
from tinyinfer.kernels.parallel.pages import aligned
from tinyinfer.kernels.parallel.parts import Pieces, own_piece, pieces_of, walks_up
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.ops.convolution.conv2d import Conv2d


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
    """clip(conv2d + bias + residual) for square kernels, strides of 1 and 2 and dilation at stride 1.

    Filters are `both_ways`.  With dilation an output sees only pixels of its grid (`grids`), each of which is an image
    by itself.  Two threads walk away from each other, lest one fetch what the other writes.
    """

    @task
    def depthwise(part, parts, x: Rows, c, geometry: Geometry, w, y: Rows, epilogue: Epilogue, pieces: Pieces):
        h, width, out_h, out_w, _, _, stride, _, top, left, down, across = geometry
        p, p1, b0, b1 = own_piece(part, pieces.rows, pieces.blocks, parts, pieces.block_parts)
        row_part, row_parts = part // pieces.block_parts, parts // pieces.block_parts
        up = walks_up(row_part, row_parts, (p1 - p - 1) * stride + kernel)
        filters, way = (w.ctypes.data + w.size // 2 * 4, -down) if up else (w.ctypes.data, down)
        r = epilogue.residual
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
                rows = -(-(count - i) // down)
                row, iy, before, end = walk(up, i, rows, (oy + i) * stride - top, h, kernel, stride, down)
                for j in range(min(across, out_w)):
                    first = (
                        j - left
                    ) % across  # column of inputs in the grid of output j, as in `polyphase_components`
                    columns, beside = -(-(width - first) // across), (left - j + first) // across
                    taps, to = (image * h + iy) * width + j - left, (start + row) * out_w + j
                    strips(
                        stride, Image(x.at(taps).address, way * width * x.stride, across * x.stride),
                        LineBuffer(h + kernel, 0), Inside(before, end, beside, beside + columns), filters,
                        Image(y.at(to).address, way * out_w * y.stride, across * y.stride),
                        Extent(rows, -(-(out_w - j) // across), c, b0, b1),
                        ImageEpilogue(
                            epilogue.bias, Image(r.at(to).address, way * out_w * r.stride, across * r.stride),
                            epilogue.lo, epilogue.hi, epilogue.act,
                        ),
                    )  # fmt: skip

    return depthwise


BY_KERNEL = {kernel: make_depthwise(kernel, strips) for kernel, strips in STRIPS.items()}
pixel = make_pixel(MASKS)


@task
def depthwise_any(part, parts, x: Rows, c, geometry: Geometry, w: Address, y: Rows, epilogue: Epilogue, pieces: Pieces):
    """The same for every kernel size, stride, padding and dilation."""
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    count = min(c, LANES)
    p0, p1, b0, b1 = own_piece(part, pieces.rows, pieces.blocks, parts, pieces.block_parts)
    for p in range(p0, p1):
        image, oy = p // out_h, p % out_h
        iy = oy * stride_h - top
        i0, i1 = tap_range(iy, h, kh, dilation_h)
        line = (image * h + iy + i0 * dilation_h) * width
        for ox in range(out_w):
            ix = ox * stride_w - left
            j0, j1 = tap_range(ix, width, kw, dilation_w)
            to = p * out_w + ox
            for b in range(b0, b1):
                at = block_start(b, c)
                first = x.at(line + ix + j0 * dilation_w, at)
                pixel(
                    Image(first.address, dilation_h * width * x.stride, dilation_w * x.stride), i1 - i0, j1 - j0,
                    Rows(w + ((b * kh + i0) * kw + j0) * LANES * 4, kw * LANES), y.at(to, at), count,
                    epilogue.at(to, at).with_bias(epilogue.bias + b * LANES * 4),
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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        (w, bias), geometry = self.packed, window_geometry(self.problem)
        pieces, parts = pieces_of(y.n * y.h, y.c, self.problem.threads)
        epilogue = Epilogue.of(self.problem.op.activation, bias, inputs, y)
        if not fits_strips(self.problem):
            return depthwise_any.bind(parts, Rows.of(x), x.c, geometry, Address.of(w), Rows.of(y), epilogue, pieces)
        load(STRIPS[geometry.kw])
        return BY_KERNEL[geometry.kw].bind(parts, Rows.of(x), x.c, geometry, w, Rows.of(y), epilogue, pieces)


KERNELS = (Depthwise,)
