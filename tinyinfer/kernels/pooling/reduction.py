"""Dimensions reduced to one number: sums, means and extremes, of rows of numbers or of rows and rows of them.

Dimensions that are reduced lie side by side, so that a value is (outer, reduced, inner) to both of two loops.  With
nothing inside, numbers to be combined are neighbours, and a vector holds LANES of them; else it holds LANES results,
as pooling's windows have them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Image, Rows
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import Pieces, own_channels, own_memory, own_range, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.pooling.pooling import make_window, reduce_to_maximum, reduce_to_sum
from tinyinfer.ops.arithmetic.reduction import Mean, Reduction
from tinyinfer.ops.base import Op

IMAGE = (2, 3)


class Folds(NamedTuple):
    """A value as (outer, reduced, inner), what is reduced as ``lines`` of so many: sums of sums lose fewer digits."""

    outer: int
    reduced: int
    inner: int
    lines: int

    @classmethod
    def of(cls, shape: Shape, axes: Sequence[int]) -> Folds:
        """For dimensions that lie side by side."""
        first, last = min(axes), max(axes) + 1
        return cls(math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:]), shape[first])


def reduce_to_minimum(v: Any, rows: Any, columns: Any, load: Callable[[Any, Any], Any]) -> Any:
    """Minimum of a window, NaN where one is in it."""

    def negative(x: Any) -> Any:
        return v.mul(x, v.constant(-1))

    return negative(reduce_to_maximum(v, rows, columns, lambda *at: negative(load(*at))))


def add(v: Any, a: Any, b: Any) -> Any:
    """a + b."""
    return v.add(a, b)


def larger(v: Any, a: Any, b: Any) -> Any:
    """The larger, NaN where one is."""
    return v.where(v.is_nan(b), b, v.max(a, b))


def smaller(v: Any, a: Any, b: Any) -> Any:
    """The smaller, NaN where one is."""
    return v.where(v.is_nan(b), b, v.min(a, b))


def make_row_reduction(reduce: Callable[..., Any], neutral: float, combine: Callable[..., Any]) -> Task:
    """Neighbouring numbers to one; ``neutral`` changes no result, and is what lanes without a number hold."""

    @vector_function(x="address", count="int", result="address")
    def reduce_row(v, x, count, result):
        blocks, end = count // LANES, count // LANES * LANES
        whole = reduce(v, 1, blocks, lambda _, block: v.load(x, block * LANES))
        mask = v.mask(count - end)
        rest = v.where(mask, v.load_masked(x, end, mask), v.constant(neutral))
        v.store(v.across(combine(v, whole, rest), functools.partial(combine, v)), result)

    @task
    def reduce_rows(part, parts, x: Rows, rows, count, scale, y, y_columns, y_stride, workspace):
        result = own_memory(part, workspace, parts)
        p0, p1 = own_range(part, rows, parts)
        for p in range(p0, p1):
            reduce_row(x.at(p).address, count, result.ctypes.data)
            y[p // y_columns * y_stride + p % y_columns] = result[0] * scale

    return reduce_rows


def make_column_reduction(reduce: Callable[..., Any]) -> Task:
    """Rows of numbers to one row, for each of the outer dimensions."""
    window = make_window(reduce)

    @task
    def reduce_columns(part, parts, x: Rows, lines, length, scale, y: Rows, channels, pieces: Pieces):
        p0, p1, first, own = own_channels(part, parts, channels, pieces)
        for p in range(p0, p1):
            source = Image(x.at(p * lines * length, first).address, length * x.stride, x.stride)
            window(source, lines, length, scale, y.at(p, first).address, own)

    return reduce_columns


TASKS = {
    name: (make_row_reduction(reduce, neutral, combine), make_column_reduction(reduce))
    for name, reduce, neutral, combine in (
        ("sum", reduce_to_sum, 0.0, add),
        ("amax", reduce_to_maximum, -np.inf, larger),
        ("amin", reduce_to_minimum, np.inf, smaller),
    )
}


class _Reduce(Kernel):
    """Dimensions that lie side by side, and those of an image or its channels, as they do in NHWC."""

    name = "vector"
    ranks = ANY_RANK
    tasks = TASKS["sum"]

    def __init__(self, problem: Problem, packed: None) -> None:
        super().__init__(problem, packed)
        self.workspace_floats = LANES * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        (shape,), (out,) = problem.inputs, problem.outputs
        axes = cls._axes(problem.op, shape)
        if not axes or axes[-1] - axes[0] >= len(axes) or 0 in shape:
            return False
        images = cls.layout(problem.op, problem.inputs) == NHWC and len(shape) == 4
        folds = Folds.of(shape, axes)
        # a matrix may be a part of a wider one, whose rows do not follow one another
        whole_rows = len(shape) != 2 or len(axes) == 1
        return images or (whole_rows and (folds.inner == 1 or len(out) != 2 or out[-1] == folds.inner))

    @staticmethod
    def _axes(op: Op, shape: Shape) -> tuple[int, ...]:
        assert isinstance(op, Reduction)
        return tuple(sorted(op.axes(len(shape))))

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return NHWC if len(inputs[0]) == 4 and cls._axes(op, inputs[0]) in ((1,), IMAGE) else ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), (shape,), op = inputs, outputs, self.problem.inputs, self.problem.op
        axes, threads = self._axes(op, shape), worthwhile(self.problem.threads, x.pixels * x.c)
        images = len(shape) == 4 and x.layout == NHWC
        if images:
            folds = Folds(x.n, x.h * x.w, x.c, x.h) if axes == IMAGE else Folds(x.pixels, x.c, 1, 1)
        else:
            folds = Folds.of(shape, axes)
        scale = np.float32(1 / folds.reduced if isinstance(op, Mean) else 1)
        by_row, by_column = self.tasks
        dense = len(shape) != 2 and not images
        if axes[-1] == (1 if images else len(shape) - 1):
            rows = Rows.of(x)._replace(stride=folds.reduced) if dense else Rows.of(x)
            return by_row.bind(
                threads, rows, folds.outer, folds.reduced, scale, y.data, y.c, y.pixel_stride, workspace
            )  # fmt: skip
        rows = Rows.of(x)._replace(stride=folds.inner) if dense else Rows.of(x)
        target = Rows.of(y) if y.c == folds.inner else Rows.of(y)._replace(stride=folds.inner)
        pieces, parts = pieces_of(folds.outer, folds.inner, threads)
        length = folds.reduced // folds.lines
        return by_column.bind(parts, rows, folds.lines, length, scale, target, folds.inner, pieces)


class SumVector(_Reduce):
    """The sum."""

    op = "sum"


class MeanVector(_Reduce):
    """The mean but of images over height and width, which is global pooling."""

    op = "mean"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        shape = problem.inputs[0]
        return super().applies(problem) and not (len(shape) == 4 and cls._axes(problem.op, shape) == IMAGE)


class AmaxVector(_Reduce):
    """The largest, NaN where there is one."""

    op, tasks = "amax", TASKS["amax"]


class AminVector(_Reduce):
    """The smallest, NaN where there is one."""

    op, tasks = "amin", TASKS["amin"]


KERNELS = (SumVector, MeanVector, AmaxVector, AminVector)
