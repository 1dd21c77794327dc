"""Rows combined with other rows by a formula, and the operators that do so with numbers of each channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.endings import CLIPS, clip_bounds
from tinyinfer.kernels.pages import aligned
from tinyinfer.kernels.parts import own_piece, partition, worthwhile
from tinyinfer.kernels.per_channel import spread
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import Task, task
from tinyinfer.ops.batch_norm import BatchNorm
from tinyinfer.ops.scale_shift import ScaleShift


def add(v: Any, x: Any, b: Any, s: Any) -> Any:
    """x + b."""
    return v.add(x, b)


def multiply(v: Any, x: Any, b: Any, s: Any) -> Any:
    """x * b."""
    return v.mul(x, b)


def scale_and_shift(v: Any, x: Any, b: Any, s: Any) -> Any:
    """x * b + s."""
    return v.fma(x, b, s)


def slope(v: Any, x: Any, b: Any, s: Any) -> Any:
    """x where positive and x * b elsewhere."""
    return v.where_positive(x, x, v.mul(x, b))


def subtract(v: Any, x: Any, b: Any, s: Any) -> Any:
    """x - b."""
    return v.sub(x, b)


def subtract_from(v: Any, x: Any, b: Any, s: Any) -> Any:
    """b - x."""
    return v.sub(b, x)


def divide(v: Any, x: Any, b: Any, s: Any) -> Any:
    """x / b."""
    return v.div(x, b)


def divide_into(v: Any, x: Any, b: Any, s: Any) -> Any:
    """b / x."""
    return v.div(b, x)


def minimum(v: Any, x: Any, b: Any, s: Any) -> Any:
    """The smaller of x and b, NaN where either is."""
    return v.where(v.is_nan(b), b, v.min(x, b))


def maximum(v: Any, x: Any, b: Any, s: Any) -> Any:
    """The larger of x and b, NaN where either is."""
    return v.where(v.is_nan(b), b, v.max(x, b))


FREQUENT = (add, multiply, scale_and_shift, slope)
RARE = (subtract, subtract_from, divide, divide_into, minimum, maximum)  # which most networks need not compile


def make_combination(formulas: Sequence[Callable[..., Any]]) -> Task:
    """One of the formulas, clipped, by number."""

    @vector_function(
        kind="int", x="address", x_stride="int", b="address", b_stride="int", s="address", y="address", y_stride="int",
        rows="int", blocks="int", rest="int", lo="float", hi="float",
    )  # fmt: skip
    def combine_rows(v, kind, x, x_stride, b, b_stride, s, y, y_stride, rows, blocks, rest, lo, hi):
        """clip of the formula over rows of ``blocks`` vectors and ``rest`` lanes; ``b_stride`` 0: one b for all."""
        low, high = v.broadcast(lo), v.broadcast(hi)
        for number, formula in enumerate(formulas):
            with v.when(kind == number), v.loop(rows) as row:

                def result(load, at, formula=formula, row=row):
                    shift = load(s, at) if formula is scale_and_shift else None
                    value = formula(v, load(x, row * x_stride + at), load(b, row * b_stride + at), shift)
                    return v.clip(value, low, high)

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

    return combine


frequent, rare = make_combination(FREQUENT), make_combination(RARE)


def bind_rows(formula: Callable[..., Any], args: tuple[Any, ...], rows: int, channels: int, threads: int) -> Bound:
    """The formula over rows of channels."""
    blocks = -(-channels // LANES)
    row_parts, block_parts = partition(rows, blocks, worthwhile(threads, rows * channels))
    combine, group = (frequent, FREQUENT) if formula in FREQUENT else (rare, RARE)
    return combine.bind(row_parts * block_parts, group.index(formula), *args, rows, blocks, block_parts)


class _Channelwise(Kernel):
    """Every pixel with the same numbers, one or two a channel."""

    formula: ClassVar[Callable[..., Any]]
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
        args = (x.data, x.pixel_stride, factor, 0, 0, x.pixels, shift, y.data, y.pixel_stride, x.c, *bounds)
        return bind_rows(type(self).formula, args, x.pixels, x.c, self.problem.threads)


class BatchNormVector(_Channelwise):
    """x * scale + shift, clipped if an activation is fused."""

    op = "batch_norm"
    formula = staticmethod(scale_and_shift)

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(layer.op, BatchNorm)
        p = {role: np.asarray(array, np.float64) for role, array in layer.params.items()}
        scale = p.get("weight", np.float64(1)) / np.sqrt(p["running_var"] + layer.op.eps)
        return aligned(scale), aligned(p.get("bias", np.float64(0)) - p["running_mean"] * scale)


class LayerScaleVector(_Channelwise):
    """x * factor."""

    op = "layer_scale"
    formula = staticmethod(multiply)

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        factor = aligned(layer.params["gamma"])
        return factor, factor


class ScaleShiftVector(_Channelwise):
    """x * scale + shift, both of them attributes."""

    op = "scale_shift"
    formula = staticmethod(scale_and_shift)

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(layer.op, ScaleShift)
        return aligned(np.asarray(layer.op.scale)), aligned(np.asarray(layer.op.shift))


class PreluVector(_Channelwise):
    """x where positive, slope * x elsewhere."""

    op = "prelu"
    formula = staticmethod(slope)

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        slope = aligned(layer.params["weight"])
        return slope, slope


KERNELS = (BatchNormVector, LayerScaleVector, ScaleShiftVector, PreluVector)
