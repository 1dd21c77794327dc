"""Rows combined with other rows by a formula, and the operators that do so with numbers of each channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import CLIPS, clip_bounds
from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.base import ANY_RANK, Bound, FeatureMap, Kernel, Layer, Problem, pixel_dims
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.pages import aligned
from tinyinfer.kernels.parallel.parts import Pieces, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.pointwise_math.per_channel import spread
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.ops.normalization.scale_shift import ScaleShift


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


class Operand(NamedTuple):
    """What the rows of a map are combined with: rows of its own, ``rows_per_image`` of them for each image.

    A stride of 0 is one row for all of an image, and ``image`` floats lie between those of one image and the next.
    """

    rows: Rows
    image: int
    rows_per_image: int


class Clip(NamedTuple):
    """The bounds of results."""

    lo: float
    hi: float

    @classmethod
    def of(cls, op: Any) -> Clip:
        """Those of an operator's activation, where it may have one."""
        return cls(*clip_bounds(getattr(op, "activation", None)))


def make_combination(formulas: Sequence[Callable[..., Any]], single: bool = False) -> Task:
    """One of the formulas, clipped, by number; with ``single`` numbers instead of rows to combine with."""

    @vector_function(kind="int", x=Rows, b=Rows, shift="address", y=Rows, rows="int", channels="int", clip=Clip)
    def combine_rows(v, kind, x, b, shift, y, rows, channels, clip):
        low, high, blocks = v.broadcast(clip.lo), v.broadcast(clip.hi), channels // LANES
        for number, formula in enumerate(formulas):
            with v.when(kind == number), v.loop(rows) as row:

                def result(load, at, formula=formula, row=row):
                    s = load(shift, at) if formula is scale_and_shift else None
                    other = row * b.stride
                    second = v.load_broadcast(b.address, other) if single else load(b.address, other + at)
                    value = formula(v, load(x.address, row * x.stride + at), second, s)
                    return v.clip(value, low, high)

                with v.loop(blocks) as block:
                    v.store(result(v.load, block * LANES), y.address, row * y.stride + block * LANES)
                end = blocks * LANES
                with v.when(channels != end):
                    mask = v.mask(channels - end)
                    value = result(lambda address, offset, mask=mask: v.load_masked(address, offset, mask), end)
                    v.store_masked(value, y.address, row * y.stride + end, mask)

    along = 0 if single else 1

    @task
    def combine(part, parts, kind, x: Rows, b: Operand, shift: Address, y: Rows, channels, clip: Clip, pieces: Pieces):
        """The formula numbered ``kind``; the shift is one row for all."""
        p, p1, first, count = own_channels(part, parts, channels, pieces)
        while p < p1:
            image = p // b.rows_per_image
            end = min(p1, (image + 1) * b.rows_per_image)
            combine_rows(
                kind, x.at(p, first), b.rows.at(p, image * b.image + first * along), shift + first * 4, y.at(p, first),
                end - p, count, clip,
            )  # fmt: skip
            p = end

    return combine


COMBINATIONS = {
    (formulas, single): make_combination(formulas, single) for formulas in (FREQUENT, RARE) for single in (False, True)
}


def bind_rows(
    formula: Callable[..., Any], x: Rows, b: Operand, y: Rows, clip: Clip, size: tuple[int, int], threads: int,
    shift: Address | None = None, single: bool = False,
) -> Bound:  # fmt: skip
    """The formula over rows of channels; ``size`` is the number of either, ``single`` that b has a number a row."""
    rows, channels = size
    pieces, parts = pieces_of(rows, channels, worthwhile(threads, rows * channels))
    group = FREQUENT if formula in FREQUENT else RARE
    shift = b.rows.address if shift is None else shift
    return COMBINATIONS[group, single].bind(parts, group.index(formula), x, b, shift, y, channels, clip, pieces)


class _Channelwise(Kernel):
    """Every pixel with the same numbers, one or two a channel."""

    formula: ClassVar[Callable[..., Any]]
    name: ClassVar[str] = "vector"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        channels = pixel_dims(problem.inputs[0])[1]
        super().__init__(problem, tuple(spread(values, channels) for values in packed))

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) in (2, 4) and getattr(problem.op, "activation", None) in CLIPS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        factor, shift = map(Address.of, self.packed)
        of_all, clip = Operand(Rows(factor, 0), 0, x.pixels), Clip.of(self.problem.op)
        return bind_rows(
            type(self).formula, Rows.of(x), of_all, Rows.of(y), clip, (x.pixels, x.c), self.problem.threads, shift
        )


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
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, ScaleShift)
        single = len(problem.op.scale) == len(problem.op.shift) == 1
        return len(problem.inputs[0]) in (2, 4) or (single and len(problem.inputs[0]) > 0)

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
