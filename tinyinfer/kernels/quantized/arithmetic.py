"""Sums, differences and products of two values of codes, of one shape or one of them spread over the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.parallel.parts import Pieces, as_one_row, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.pointwise_math.arithmetic import (
    Matrix,
    goes_pixel_by_pixel,
    is_one_row,
    is_single,
    layout_of_pair,
    matrix_of,
    spreads,
)
from tinyinfer.kernels.quantized.epilogue.finish import Finishing
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.arithmetic import QuantizedArithmetic, QuantizedMul, QuantizedSum
from tinyinfer.ops.quantized.weights import LARGEST_CODE, LARGEST_SUM

WIDE = 4 * LANES  # codes that are packed at once


@struct
class Terms(NamedTuple):
    """Zero points of two values, what a unit of each is worth, and whether the second has one code for all of a row."""

    x_zero: int
    b_zero: int
    x_worth: float
    b_worth: float
    single: int


class Spread(NamedTuple):
    """What the rows of a map are combined with: rows of its own, ``rows_per_image`` of them for each image.

    A stride of 0 is one row for all of an image, and ``image`` bytes lie between those of one image and the next.
    """

    rows: ByteRows
    image: int
    rows_per_image: int


def weighted_sum(v: Any, x: Any, b: Any, x_worth: Any, b_worth: Any) -> Any:
    """x * x_worth + b * b_worth, each product rounded."""
    return v.add(v.mul(x, x_worth), v.mul(b, b_worth))


def product(v: Any, x: Any, b: Any, x_worth: Any, b_worth: Any) -> Any:
    """x * b * x_worth; products of codes are exact."""
    return v.mul(v.mul(x, b), x_worth)


def make_combination(formula: Callable[..., Any]) -> Task:
    """The formula over rows of codes, then what `Requantize` says."""

    @vector_function(x=ByteRows, b=ByteRows, terms=Terms, y=Results, rows="int", channels="int", epilogue=Requantize)
    def combine_rows(v, x, b, terms, y, rows, channels, epilogue):
        finishing, end, whole = Finishing(v, epilogue), channels // LANES * LANES, channels // WIDE * WIDE
        low, high = (v.truncated(bound) + epilogue.zero for bound in (epilogue.lo, epilogue.hi))
        x_zero, b_zero = v.integer(terms.x_zero), v.integer(terms.b_zero)
        worths = v.broadcast(terms.x_worth), v.broadcast(terms.b_worth)
        rest = v.mask(channels - end)

        def value(row, at, mask, single):
            one = v.load_codes(x.address, row * x.stride + at, mask)
            two = (
                v.load_code(b.address, row * b.stride) if single else v.load_codes(b.address, row * b.stride + at, mask)
            )
            steps = (v.as_floats(v.sub_integers(c, zero)) for c, zero in ((one, x_zero), (two, b_zero)))
            return formula(v, *steps, *worths)

        def pack(row, at, single):
            integers = [v.rounded(value(row, at + i * LANES, None, single)) for i in range(4)]
            (codes,) = v.quarters_in_order(v.pack_codes(integers, epilogue.zero, low, high), 1)
            v.store_bytes(codes, y.address + (row * y.stride + at))

        def all_rows(single, store, packed):
            with v.loop(rows) as row:
                if packed:
                    with v.loop(whole, WIDE) as at:
                        pack(row, at, single)
                first = whole if packed else v.int_constant(0)
                with v.loop(end - first, LANES) as more:
                    at = first + more
                    store(value(row, at, None, single), row, at, None)
                with v.when(channels != end):
                    store(value(row, end, rest, single), row, end, rest)

        def store_codes(result, row, at, mask):
            finishing.store_codes(result, y.address, row * y.stride + at, mask)

        def store_anything(result, row, at, mask):
            final, target = v.variable(result), y.address + (row * y.stride + at * y.size)
            finishing.activate(final)
            finishing.store(final.get(), y.size, target, 0, mask)

        for single in (False, True):
            with v.when(terms.single == int(single)), v.either(epilogue.plain == 1) as (usual, unusual):
                with usual:
                    all_rows(single, store_codes, packed=True)
                with unusual:
                    all_rows(single, store_anything, packed=False)

    @task
    def combine(
        part, parts, x: ByteRows, b: Spread, terms: Terms, y: Results, channels, epilogue: Requantize, pieces: Pieces
    ):
        p, p1, first, count = own_channels(part, parts, channels, pieces)
        while p < p1:
            image = p // b.rows_per_image
            end = min(p1, (image + 1) * b.rows_per_image)
            along = first * (1 - terms.single)
            combine_rows(
                x.at(p, first), b.rows.at(p, image * b.image + along), terms, y.at(p, first), end - p, count, epilogue
            )
            p = end

    return combine


class _QuantizedArithmetic(Kernel):
    """Two values of one shape, or one and what spreads over it, in either order."""

    name: ClassVar[str] = "codes"
    dtypes = ("uint8", "float32")
    ranks = ANY_RANK
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's
    task: ClassVar[Task]

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        a, b = problem.inputs
        assert isinstance(problem.op, QuantizedArithmetic)
        codes = {*problem.input_dtypes} == {"uint8"}
        return codes and (spreads(b, a) or spreads(a, b)) and problem.op.activation in FUSED

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return layout_of_pair(*inputs)

    def worths(self) -> Sequence[np.float64]:
        """What a unit of each of the two inputs is worth."""
        raise NotImplementedError

    def largest(self, x_worth: float, b_worth: float) -> float:
        """What no result exceeds before it is clipped."""
        return LARGEST_CODE * (abs(x_worth) + abs(b_worth))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        op = self.problem.op
        assert isinstance(op, QuantizedArithmetic)
        in_order = spreads(self.problem.inputs[1], self.problem.inputs[0])
        order = slice(None, None, 1 if in_order else -1)
        (x, b), (full, spread) = inputs[order], self.problem.inputs[order]
        x_zero, b_zero = [op.a_zero_point, op.b_zero_point][order]
        x_worth, b_worth = self.worths()[order]
        whole, rows, single = self._spread(x, b, outputs[0], full, spread)
        nothing = np.zeros(1, np.float32)
        epilogue = Requantize.of(op, nothing, nothing, inputs[:1], outputs[0])
        if self.largest(x_worth, b_worth) >= LARGEST_SUM:
            epilogue = epilogue._replace(plain=0)
        terms = Terms(x_zero, b_zero, np.float32(x_worth), np.float32(b_worth), int(single))
        pieces, parts = pieces_of(
            whole.rows, whole.columns, worthwhile(self.problem.threads, whole.rows * whole.columns)
        )
        target = Results.of(outputs[0])
        target = target._replace(stride=matrix_of(outputs[0], whole.columns).stride * target.size)
        source = ByteRows.of(x)._replace(stride=whole.stride)
        return self.task.bind(parts, source, rows, terms, target, whole.columns, epilogue, pieces)

    @staticmethod
    def _spread(x: FeatureMap, b: FeatureMap, y: FeatureMap, full: Shape, spread: Shape) -> tuple[Matrix, Spread, bool]:
        """Rows of the one, what they are combined with, and whether that is one code a row."""
        of_b = ByteRows.of(b)
        if full == spread:
            rows, columns = as_one_row(x, b, y)
            return Matrix(rows, columns, x.pixel_stride), Spread(of_b, 0, rows), False
        whole, one_row = matrix_of(x, x.c), of_b._replace(stride=0)
        if is_single(spread, full):
            return whole, Spread(one_row, 0, whole.rows), True
        if goes_pixel_by_pixel(spread, full, x.layout):
            return whole, Spread(of_b, 0, whole.rows), True
        if is_one_row(spread, full) and x.layout == ROWS:
            whole = matrix_of(x, int(np.prod(spread)))
            return whole, Spread(one_row, 0, whole.rows), False
        between = b.pixel_stride if b.layout == NHWC and b.n > 1 else 0
        return whole, Spread(one_row, between, x.h * x.w), False


class QuantizedAddCodes(_QuantizedArithmetic):
    """Sum."""

    op = "quantized_add"
    task: ClassVar[Task] = make_combination(weighted_sum)

    def worths(self) -> Sequence[np.float64]:
        """Steps of the inputs in those of the output."""
        op = self.problem.op
        assert isinstance(op, QuantizedSum)
        of_a, of_b = op.worths()
        return np.float64(of_a) / op.unit, np.float64(of_b) / op.unit


class QuantizedSubCodes(QuantizedAddCodes):
    """Difference: a sum with a negative weight."""

    op = "quantized_sub"


class QuantizedMulCodes(_QuantizedArithmetic):
    """Product."""

    op = "quantized_mul"
    task = make_combination(product)

    def worths(self) -> Sequence[np.float64]:
        """A step of the product in those of the output, twice."""
        op = self.problem.op
        assert isinstance(op, QuantizedMul)
        worth = np.float64(op.worth()) / op.unit
        return worth, worth

    def largest(self, x_worth: float, b_worth: float) -> float:
        return LARGEST_CODE * LARGEST_CODE * abs(x_worth)


KERNELS = (QuantizedAddCodes, QuantizedSubCodes, QuantizedMulCodes)
