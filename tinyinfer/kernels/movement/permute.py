"""Dimensions in another order: rows copied where the last dimension stays last, small transpositions else.

Dimensions of size 1 fall away and neighbours that stay neighbours are one, so that two loops are left and a list of
places at which they begin, whatever the rank.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import ANY_RANK, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.movement.elements import Elements, elements_of, for_each_size
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import Task, task_of
from tinyinfer.ops.base import Op
from tinyinfer.ops.dtypes import BYTES
from tinyinfer.ops.movement.joining import Permute

STRIP = 8 * LANES  # columns of a transposition that are one unit of work: rows of them fill whole cache lines


class Dim(NamedTuple):
    """A dimension of the output: its size, and from one place to the next the floats in the input and in the output."""

    size: int
    x_step: int
    y_step: int


def steps_of(shape: Shape) -> list[int]:
    """From one place of each dimension to the next, in elements."""
    return [*itertools.accumulate(reversed(shape[1:]), lambda a, b: a * b, initial=1)][::-1]


def merged_dims(shape: Shape, order: Sequence[int]) -> list[Dim]:
    """The output's dimensions, those that are neighbours in both orders as one."""
    steps, out = steps_of(shape), [shape[i] for i in order]
    dims: list[Dim] = []
    for i, size, y_step in zip(order, out, steps_of(tuple(out)), strict=True):
        if size == 1:
            continue
        if dims and dims[-1].x_step == size * steps[i]:
            dims[-1] = Dim(dims[-1].size * size, steps[i], y_step)
        else:
            dims.append(Dim(size, steps[i], y_step))
    return dims or [Dim(1, 1, 1)]


def places(dims: Sequence[Dim]) -> tuple[np.ndarray, np.ndarray]:
    """Where in input and output each step through these dimensions begins."""
    x_at, y_at = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for size, x_step, y_step in dims:
        x_at, y_at = (np.add.outer(at, np.arange(size) * step).ravel() for at, step in ((x_at, x_step), (y_at, y_step)))
    return x_at, y_at


def make_copy_all(elements: Elements) -> Task:
    """From each place to its own: rows of ``count`` elements."""
    copy_rows = elements.copy

    @task_of(x=elements.rows, y=elements.rows)
    def copy_all(part, parts, x, x_at, y, y_at, rows, count):
        first, last = own_range(part, x_at.size, parts)
        for i in range(first, last):
            source, target = x.at(0, x_at[i]), y.at(0, y_at[i])
            copy_rows(source.address, source.stride, target.address, target.stride, rows, count)

    return copy_all


def make_transpose_all(elements: Elements) -> Task:
    """From each place to its own: y[j, i] = x[i, j], strips of columns dealt out."""
    transpose = elements.transpose

    @task_of(x=elements.rows, y=elements.rows)
    def transpose_all(part, parts, x, x_at, y, y_at, rows, columns):
        strips = -(-columns // STRIP)
        first, last = own_range(part, x_at.size * strips, parts)
        for unit in range(first, last):
            i, j = unit // strips, unit % strips * STRIP
            transpose(x.at(0, x_at[i] + j), rows, min(STRIP, columns - j), y.at(j, y_at[i]))

    return transpose_all


COPY_ALL, TRANSPOSE_ALL = for_each_size(make_copy_all), for_each_size(make_transpose_all)


class PermuteTiles(Kernel):
    """Any order of values that lie as NumPy has them."""

    op = "permute"
    name = "tiles"
    dtypes = ("float32", *BYTES)
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) > 0 and 0 not in problem.inputs[0]

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, Permute)
        (x,), (y,), (shape,) = inputs, outputs, self.problem.inputs
        order = [dim % len(shape) for dim in self.problem.op.dims]
        threads = worthwhile(self.problem.threads, x.pixels * x.c)
        elements = elements_of(x)
        rows_of, copy, turn = elements.rows.of, COPY_ALL[elements.size], TRANSPOSE_ALL[elements.size]
        if len(shape) == 2:  # which may have gaps between its rows
            at = np.zeros(1, np.int64)
            return (copy if order == [0, 1] else turn).bind(threads, rows_of(x), at, rows_of(y), at, x.pixels, x.c)
        *outer, last = merged_dims(shape, order)
        if last.x_step == 1:
            rows = outer.pop() if outer else Dim(1, 0, 0)
            x_at, y_at = places(outer)
            source, target = rows_of(x)._replace(stride=rows.x_step), rows_of(y)._replace(stride=rows.y_step)
            return copy.bind(threads, source, x_at, target, y_at, rows.size, last.size)
        columns = next(dim for dim in outer if dim.x_step == 1)
        x_at, y_at = places([dim for dim in outer if dim is not columns])
        source, target = rows_of(x)._replace(stride=last.x_step), rows_of(y)._replace(stride=columns.y_step)
        return turn.bind(threads, source, x_at, target, y_at, last.size, columns.size)


KERNELS = (PermuteTiles,)
