"""Numbers of one type as numbers of another: casts, and what quantized integers stand for, bit for bit the reference's.

Integers are floats in registers, which hold those of 8 bits exactly and round those of 32 bits as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Planes, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.parallel.parts import Pieces, as_one_row, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.pointwise_math.plane_quantization import CHANNELS, bind_planes
from tinyinfer.ops.arithmetic.quantization import LinearQuantization
from tinyinfer.ops.base import Op, axis

SMALL_INTEGERS = ("uint8", "int8")
SIZES = {"float32": 4, "int32": 4, "uint8": 1, "int8": 1, "bool": 1}


@struct
class Elements(NamedTuple):
    """Rows of numbers of any type, ``stride`` of them from one row to the next."""

    address: Address
    stride: int


@struct
class Affine(NamedTuple):
    """A scale and a zero point, as floats: one for all where ``each`` is 0, or where it is 1 one for each column."""

    scale: Address
    zero: Address
    each: int


def unchanged(v: Any, x: Any, scale: Any, zero: Any) -> Any:
    """x."""
    return x


def quantized(v: Any, x: Any, scale: Any, zero: Any) -> Any:
    """x / scale, rounded, + zero."""
    return v.add(v.round(v.div(x, scale)), zero)


def dequantized(v: Any, x: Any, scale: Any, zero: Any) -> Any:
    """(x - zero) * scale."""
    return v.mul(v.sub(x, zero), scale)


def make_conversion(formula: Callable[..., Any], source: str, target: str) -> Task:
    """The formula over rows of numbers of one type, stored as another."""
    x_size, y_size = SIZES[source], SIZES[target]

    def store(v: Any, value: Any, address: Any, at: Any, mask: Any) -> None:
        if target == "bool":
            v.store_truth(v.compare("!=", value, v.constant(0)), address, at, mask)
        else:
            v.store_numbers(target, value, address, at, mask)

    @vector_function(x=Elements, y=Elements, rows="int", count="int", affine=Affine)
    def convert_rows(v, x, y, rows, count, affine):
        end = count // LANES * LANES
        rest = v.mask(count - end)
        for each in (0, 1):
            with v.when(affine.each == each), v.loop(rows) as row:

                def convert(at, mask, each=each, row=row):
                    value = v.load_numbers(source, x.address, row * x.stride + at, mask)
                    if each:
                        scale, zero = (v.load_numbers("float32", a, at, mask) for a in (affine.scale, affine.zero))
                    else:
                        scale, zero = map(v.load_broadcast, (affine.scale, affine.zero))
                    store(v, formula(v, value, scale, zero), y.address, row * y.stride + at, mask)

                with v.loop(end, LANES) as k:
                    convert(k, None)
                with v.when(count != end):
                    convert(end, rest)

    @task
    def convert(part, parts, x: Elements, y: Elements, count, affine: Affine, pieces: Pieces):
        p0, p1, first, own = own_channels(part, parts, count, pieces)
        source = Elements(x.address + (p0 * x.stride + first) * x_size, x.stride)
        target = Elements(y.address + (p0 * y.stride + first) * y_size, y.stride)
        own_affine = Affine(affine.scale + first * affine.each * 4, affine.zero + first * affine.each * 4, affine.each)
        convert_rows(source, target, p1 - p0, own, own_affine)

    return convert


CASTS = {
    pair: make_conversion(unchanged, *pair)
    for pair in (
        *(("float32", to) for to in ("int32", "uint8", "int8", "bool")),
        *((of, "float32") for of in ("int32", "uint8", "int8", "bool")),
    )
}
QUANTIZATIONS = {("float32", to): make_conversion(quantized, "float32", to) for to in SMALL_INTEGERS}
DEQUANTIZATIONS = {(of, "float32"): make_conversion(dequantized, of, "float32") for of in (*SMALL_INTEGERS, "int32")}


class _Conversion(Kernel):
    """From the dtype of the input to that of the output."""

    name: ClassVar[str] = "vector"
    dtypes = tuple(SIZES)
    ranks = ANY_RANK
    tolerance = 0.0
    tasks: ClassVar[dict[tuple[str, str], Task]]

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return (*problem.input_dtypes, *problem.output_dtypes) in cls.tasks

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return None

    def affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Scales and zero points, one each or one for each column."""
        return np.ones(1), np.zeros(1)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        scale, zero = (Address.of(np.asarray(numbers, np.float32)) for numbers in self.affine())
        each = int(scale.array.size > 1)
        rows, count = (x.pixels, x.c) if each else as_one_row(x, y)
        pieces, parts = pieces_of(rows, count, worthwhile(self.problem.threads, rows * count))
        convert = self.tasks[self.problem.input_dtypes[0], self.problem.output_dtypes[0]]
        source, target = (Elements(Address.of(m.data), m.pixel_stride) for m in (x, y))
        return convert.bind(parts, source, target, count, Affine(scale, zero, each), pieces)


class CastVector(_Conversion):
    """Fractions are cut off, what does not fit saturates, and NaN becomes 0."""

    op, tasks = "cast", CASTS


class _Quantization(_Conversion):
    """With one scale, or one for each channel of images or each place in rows."""

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, LinearQuantization)
        rank = len(problem.inputs[0])
        along = None if problem.op.axis is None else axis(problem.op.axis, rank)
        by_column = along is None or along == rank - 1 or (along, rank) == (1, 4)
        return super().applies(problem) and by_column

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        assert isinstance(op, LinearQuantization)
        if op.axis is None:
            return None
        return NHWC if axis(op.axis, len(inputs[0])) == 1 else ROWS

    def affine(self) -> tuple[np.ndarray, np.ndarray]:
        op = self.problem.op
        assert isinstance(op, LinearQuantization)
        return np.array(op.scale), np.broadcast_to(op.zero_point, len(op.scale))


class QuantizeVector(_Quantization):
    """Halves are rounded to even, what does not fit saturates, and NaN becomes 0."""

    op, tasks = "quantize_linear", QUANTIZATIONS

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        shape = problem.inputs[0]
        self.reads_planes = len(shape) == 4 and shape[1] in CHANNELS and len(self.affine()[0]) == 1

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        if not isinstance(x, Planes):
            return super().bind(inputs, outputs, workspace)
        (scale,), (zero,) = self.affine()
        return bind_planes(self.problem.threads, x.data, y, scale, zero)


class DequantizeVector(_Quantization):
    """What integers stand for."""

    op, tasks = "dequantize_linear", DEQUANTIZATIONS


KERNELS = (CastVector, QuantizeVector, DequantizeVector)
