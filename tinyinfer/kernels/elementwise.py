"""Two values combined element by element, and one value combined with numbers of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.endings import CLIPS, clip_bounds
from tinyinfer.kernels.pages import aligned
from tinyinfer.kernels.parts import as_one_row, own_piece, partition, worthwhile
from tinyinfer.kernels.per_channel import spread
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
from tinyinfer.ops.batch_norm import BatchNorm
from tinyinfer.ops.scale_shift import ScaleShift

ADD, MULTIPLY, SCALE_AND_SHIFT, SLOPE = range(4)


def formula(v: Any, kind: int, x: Any, b: Any, s: Any) -> Any:
    """x + b, x * b, x * b + s, or x where positive and x * b elsewhere."""
    if kind == ADD:
        return v.add(x, b)
    if kind == MULTIPLY:
        return v.mul(x, b)
    return v.fma(x, b, s) if kind == SCALE_AND_SHIFT else v.where_positive(x, x, v.mul(x, b))


@vector_function(
    kind="int", x="address", x_stride="int", b="address", b_stride="int", s="address", y="address", y_stride="int",
    rows="int", blocks="int", rest="int", lo="float", hi="float",
)  # fmt: skip
def combine_rows(v, kind, x, x_stride, b, b_stride, s, y, y_stride, rows, blocks, rest, lo, hi):
    """clip of the formula over rows of ``blocks`` vectors and ``rest`` lanes; ``b_stride`` 0: one b for all."""
    low, high = v.broadcast(lo), v.broadcast(hi)
    for number in (ADD, MULTIPLY, SCALE_AND_SHIFT, SLOPE):
        with v.when(kind == number), v.loop(rows) as row:

            def result(load, at, number=number, row=row):
                shift = load(s, at) if number == SCALE_AND_SHIFT else None
                return v.clip(
                    formula(v, number, load(x, row * x_stride + at), load(b, row * b_stride + at), shift), low, high
                )

            with v.loop(blocks) as block:
                v.store(result(v.load, block * LANES), y, row * y_stride + block * LANES)
            with v.when(rest != 0):
                mask, at = v.mask(rest), blocks * LANES
                value = result(lambda address, offset, mask=mask: v.load_masked(address, offset, mask), at)
                v.store_masked(value, y, row * y_stride + at, mask)


@task
def combine(
    part, parts, kind, x, x_stride, b, b_stride, b_image, rows_per_image, s, y, y_stride, channels, lo, hi, rows,
    blocks, block_parts,
):  # fmt: skip
    """The formula numbered ``kind``; b starts anew with each image where ``b_image`` is not 0."""
    p, p1, b0, b1 = own_piece(part, rows, blocks, parts, block_parts)
    first, count = b0 * LANES, min(channels, b1 * LANES) - b0 * LANES
    while p < p1:
        image = p // rows_per_image
        end = min(p1, (image + 1) * rows_per_image)
        combine_rows(
            kind, x.ctypes.data + (p * x_stride + first) * 4, x_stride,
            b.ctypes.data + (p * b_stride + image * b_image + first) * 4, b_stride, s.ctypes.data + first * 4,
            y.ctypes.data + (p * y_stride + first) * 4, y_stride, end - p, count // LANES, count % LANES, lo, hi,
        )  # fmt: skip
        p = end


def bind_rows(args: tuple[Any, ...], rows: int, channels: int, threads: int) -> Bound:
    """`combine` of rows of channels."""
    blocks = -(-channels // LANES)
    row_parts, block_parts = partition(rows, blocks, worthwhile(threads, rows * channels))
    return combine.bind(row_parts * block_parts, *args, rows, blocks, block_parts)


class _Arithmetic(Kernel):
    """Two values of one shape, or images and one number a channel: (N, C, H, W) and (N, C, 1, 1)."""

    kind: ClassVar[int]
    name: ClassVar[str] = "vector"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        a, b = problem.inputs
        gate = len(a) == len(b) == 4 and ((*a[:2], 1, 1) == b or (*b[:2], 1, 1) == a)
        return (a == b or gate) and getattr(problem.op, "activation", None) in CLIPS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x, b), y = inputs, outputs[0]
        if x.pixels < b.pixels:
            x, b = b, x
        bounds = clip_bounds(getattr(self.problem.op, "activation", None))
        if x.pixels > b.pixels:
            rows, channels = x.pixels, x.c
            walk = (b.data, 0, b.pixel_stride, x.h * x.w)
        else:
            rows, channels = as_one_row(x, b, y)
            walk = (b.data, b.pixel_stride, 0, rows)
        args = (self.kind, x.data, x.pixel_stride, *walk, b.data, y.data, y.pixel_stride, channels, *bounds)
        return bind_rows(args, rows, channels, self.problem.threads)


class AddVector(_Arithmetic):
    """Sum, clipped if an activation is fused."""

    op, kind = "add", ADD


class MulVector(_Arithmetic):
    """Product."""

    op, kind = "mul", MULTIPLY


class _Channelwise(Kernel):
    """Every pixel with the same numbers, one or two a channel."""

    kind: ClassVar[int]
    name: ClassVar[str] = "vector"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, tuple(spread(values, problem.inputs[0][1]) for values in packed))

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) in (2, 4) and getattr(problem.op, "activation", None) in CLIPS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        factor, shift = self.packed
        bounds = clip_bounds(getattr(self.problem.op, "activation", None))
        args = (
            self.kind, x.data, x.pixel_stride, factor, 0, 0, x.pixels, shift, y.data, y.pixel_stride, x.c, *bounds,
        )  # fmt: skip
        return bind_rows(args, x.pixels, x.c, self.problem.threads)


class BatchNormVector(_Channelwise):
    """x * scale + shift, clipped if an activation is fused."""

    op, kind = "batch_norm", SCALE_AND_SHIFT

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(layer.op, BatchNorm)
        p = {role: np.asarray(array, np.float64) for role, array in layer.params.items()}
        scale = p.get("weight", np.float64(1)) / np.sqrt(p["running_var"] + layer.op.eps)
        return aligned(scale), aligned(p.get("bias", np.float64(0)) - p["running_mean"] * scale)


class LayerScaleVector(_Channelwise):
    """x * factor."""

    op, kind = "layer_scale", MULTIPLY

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        factor = aligned(layer.params["gamma"])
        return factor, factor


class ScaleShiftVector(_Channelwise):
    """x * scale + shift, both of them attributes."""

    op, kind = "scale_shift", SCALE_AND_SHIFT

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(layer.op, ScaleShift)
        return aligned(np.asarray(layer.op.scale)), aligned(np.asarray(layer.op.shift))


class PreluVector(_Channelwise):
    """x where positive, slope * x elsewhere."""

    op, kind = "prelu", SLOPE

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        slope = aligned(layer.params["weight"])
        return slope, slope


KERNELS = (AddVector, MulVector, BatchNormVector, LayerScaleVector, ScaleShiftVector, PreluVector)
