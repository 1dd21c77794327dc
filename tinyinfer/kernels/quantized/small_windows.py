"""Largest codes of small windows: each byte of a window is loaded by an instruction of its own.

Rows and columns beside the image are replaced by the nearest ones inside, as `pooling.small_windows` does with floats.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_range
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.pooling.small_windows import SIZES, SmallMax
from tinyinfer.kernels.pooling.windows import POOL_SMALL
from tinyinfer.ops.pooling.pooling import WindowPool

WIDE = 4 * LANES  # codes in a register


def make_max(size: int) -> Task:
    """Square windows of this size; the last register of channels overlaps the one before."""

    @vector_function(
        x=ByteRows, h="int", w="int", row="int", left="int", stride="int", y=ByteRows, outputs="int", channels="int"
    )
    def largest_of_row(v, x, h, w, row, left, stride, y, outputs, channels):
        def inside(at, count):
            at = v.select(at < 0, 0, at)
            return v.select(at < count, at, count - 1)

        lines = [inside(row + i, h) * w for i in range(size)]

        def blocks(words, width, columns, ox):
            with v.loop(channels, width) as block:
                first = v.select(block < channels - width, block, channels - width)
                places = [(line + column) * x.stride + first for line in lines for column in columns]
                values = [words.load_byte_vector(x.address, place) for place in places]
                largest = functools.reduce(words.max_bytes, values)
                words.store_byte_vector(largest, y.address, ox * y.stride + first)

        with v.loop(outputs) as ox:
            columns = [inside(ox * stride - left + j, w) for j in range(size)]
            with v.either(channels < WIDE) as (few, many):
                with few:
                    blocks(v, LANES, columns, ox)
                with many:
                    blocks(v.registers(4), WIDE, columns, ox)

    @task
    def pool(part, parts, x: ByteRows, c, geometry: Geometry, y: ByteRows, rows):
        h, w, out_h, out_w, _, _, stride_h, stride_w, top, left, _, _ = geometry
        p0, p1 = own_range(part, rows, parts)
        for p in range(p0, p1):
            image, oy = p // out_h, p % out_h
            source, row = x.at(image * h * w), oy * stride_h - top
            largest_of_row(source, h, w, row, left, stride_w, y.at(p * out_w), out_w, c)

    return pool


BY_SIZE = {size: make_max(size) for size in SIZES}


class SmallMaxCodes(Kernel):
    """Square windows of 2x2 or 3x3, at least a few channels."""

    op = "max_pool2d"
    name = "small_windows_of_codes"
    dtypes = ("uint8",)
    tolerance = 0.0

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return SmallMax.applies(problem)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        op: Any = self.problem.op
        assert isinstance(op, WindowPool)
        top, _, left, _ = op.pads((x.h, x.w))
        parts = self.problem.threads if x.pixels * x.c >= POOL_SMALL else 1
        geometry = Geometry(x.h, x.w, y.h, y.w, *op.kernel_size, *op.step, top, left, *op.dilation)
        pool = BY_SIZE[op.kernel_size[0]]
        return pool.bind(parts, ByteRows.of(x), x.c, geometry, ByteRows.of(y), y.n * y.h)


KERNELS = (SmallMaxCodes,)
