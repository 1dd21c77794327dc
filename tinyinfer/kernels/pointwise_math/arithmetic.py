"""Two values combined element by element, or a value with fewer numbers that are spread over it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.epilogue import CLIPS
from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.parallel.parts import as_one_row
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.kernels.pointwise_math import elementwise as formulas
from tinyinfer.kernels.pointwise_math.elementwise import Clip, Operand, bind_rows
from tinyinfer.ops.arithmetic.elementwise import Div
from tinyinfer.ops.base import Op


class Matrix(NamedTuple):
    """How a value is walked through: so many rows of so many floats, their starts ``stride`` apart."""

    rows: int
    columns: int
    stride: int


def is_single(b: Shape, x: Shape) -> bool:
    """Whether b is one number for all of x."""
    return math.prod(b) == 1 and len(b) <= len(x)


def is_one_a_channel(b: Shape, x: Shape) -> bool:
    """Whether b, (C, 1, 1), (1, C, 1, 1) or (N, C, 1, 1), has one number for each channel of images x (N, C, H, W)."""
    return len(x) == 4 and b[-3:] == (x[1], 1, 1) and b[:-3] in ((), (1,), x[:1])


def is_one_a_pixel(b: Shape, x: Shape) -> bool:
    """Whether b, (N, 1, H, W), has one number for all channels of each pixel of images x (N, C, H, W)."""
    return len(x) == 4 and b == (x[0], 1, *x[2:])


def is_one_row(b: Shape, x: Shape) -> bool:
    """Whether b is one of the parts of x (..., D) or (..., M, D) that its last dimensions make up, and goes for all."""
    own = b[next((i for i, size in enumerate(b) if size > 1), len(b)) :]
    dense = len(own) == 1 or len(b) != 2  # a matrix may have gaps between its rows
    return dense and 0 < len(own) <= len(b) <= len(x) and own == x[-len(own) :]


def is_one_a_row(b: Shape, x: Shape) -> bool:
    """Whether b (..., 1) has one number for each row of x (..., D)."""
    return len(x) > 1 and b == (*x[:-1], 1)


def goes_pixel_by_pixel(b: Shape, x: Shape, layout: Layout) -> bool:
    """Whether b has one number for each pixel of images, or for each row where x lies in rows."""
    return is_one_a_pixel(b, x) if layout == NHWC else is_one_a_row(b, x)


def spreads(b: Shape, x: Shape) -> bool:
    """Whether b can be spread over x."""
    rules = (operator.eq, is_single, is_one_a_channel, is_one_a_pixel, is_one_row, is_one_a_row)
    return any(rule(b, x) for rule in rules)


def layout_of_pair(a: Shape, b: Shape) -> Layout | None:
    """How two values of four dimensions have to lie, one of which can be spread over the other."""
    full, spread = (a, b) if spreads(b, a) else (b, a)
    if full == spread or is_single(spread, full):
        return None
    return NHWC if is_one_a_channel(spread, full) or is_one_a_pixel(spread, full) else ROWS


def matrix_of(x: FeatureMap, columns: int) -> Matrix:
    """Rows of so many floats: the pixels, or any part of what lies without gaps."""
    if x.c == columns:
        return Matrix(x.pixels, columns, x.pixel_stride)
    return Matrix(x.pixels * x.c // columns, columns, columns)


@task
def fill(part, parts, b, row):
    """The number b in all of a row."""
    for i in range(row.size):
        row[i] = b[0]


class _Arithmetic(Kernel):
    """Two values of one shape, or one and what spreads over it, in either order."""

    formula: ClassVar[Callable[..., Any]]
    swapped: ClassVar[Callable[..., Any]]  # the same of the second and the first
    name: ClassVar[str] = "vector"
    ranks = ANY_RANK

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        self.full, self.spread = problem.inputs
        self.in_order = spreads(self.spread, self.full)
        if not self.in_order:
            self.full, self.spread = self.spread, self.full
        if self.full != self.spread and is_single(self.spread, self.full):
            self.workspace_floats = self.full[1] if len(self.full) in (2, 4) else self.full[-1]

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        a, b = problem.inputs
        return (spreads(b, a) or spreads(a, b)) and getattr(problem.op, "activation", None) in CLIPS

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return layout_of_pair(*inputs)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x, b), y = inputs if self.in_order else inputs[::-1], outputs[0]
        whole = matrix_of(x, self.workspace_floats or x.c)
        if self.full == self.spread:
            rows, columns = as_one_row(x, b, y)
            return self._bind(x, Operand(Rows.of(b), 0, rows), y, Matrix(rows, columns, x.pixel_stride))
        if self.workspace_floats:
            row = workspace[: whole.columns]
            operand = Operand(Rows(Address.of(row), 0), 0, whole.rows)
            return in_turn([fill.bind(1, b.data, row), self._bind(x, operand, y, whole)])
        one_row = Rows(Address.of(b.data), 0)
        if goes_pixel_by_pixel(self.spread, self.full, x.layout):
            return self._bind(x, Operand(Rows.of(b), 0, whole.rows), y, whole, single=True)
        if is_one_row(self.spread, self.full) and x.layout == ROWS:
            whole = matrix_of(x, math.prod(self.spread))
            return self._bind(x, Operand(one_row, 0, whole.rows), y, whole)
        between = b.pixel_stride if b.layout == NHWC and b.n > 1 else 0
        return self._bind(x, Operand(one_row, between, x.h * x.w), y, whole)

    def _bind(self, x: FeatureMap, b: Operand, y: FeatureMap, whole: Matrix, single: bool = False) -> Bound:
        formula = type(self).formula if self.in_order else type(self).swapped
        source = Rows(Address.of(x.data), whole.stride)
        target = Rows(Address.of(y.data), matrix_of(y, whole.columns).stride)
        clip = Clip.of(self.problem.op)
        size, threads = (whole.rows, whole.columns), self.problem.threads
        return bind_rows(formula, source, b, target, clip, size, threads, single=single)


class AddVector(_Arithmetic):
    """Sum, clipped if an activation is fused."""

    op = "add"
    formula = swapped = staticmethod(formulas.add)


class MulVector(_Arithmetic):
    """Product."""

    op = "mul"
    formula = swapped = staticmethod(formulas.multiply)


class SubVector(_Arithmetic):
    """Difference."""

    op = "sub"
    formula, swapped = staticmethod(formulas.subtract), staticmethod(formulas.subtract_from)


class DivVector(_Arithmetic):
    """Quotient that is not rounded to a whole number."""

    op = "div"
    formula, swapped = staticmethod(formulas.divide), staticmethod(formulas.divide_into)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Div)
        return super().applies(problem) and problem.op.rounding_mode is None


class MinimumVector(_Arithmetic):
    """The smaller of two."""

    op = "minimum"
    formula = swapped = staticmethod(formulas.minimum)


class MaximumVector(_Arithmetic):
    """The larger of two."""

    op = "maximum"
    formula = swapped = staticmethod(formulas.maximum)


KERNELS = (AddVector, MulVector, SubVector, DivVector, MinimumVector, MaximumVector)
