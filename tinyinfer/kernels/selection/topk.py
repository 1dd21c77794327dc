"""The k largest or smallest numbers along a dimension, and where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import ANY_RANK, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.selection.best_first import WORDS, key_of, keys_in, make_heap, place_of, rank_of, take_best
from tinyinfer.ops.arithmetic.ranking import Topk
from tinyinfer.ops.base import Op, axis


class Lines(NamedTuple):
    """Elements along a dimension, ``step`` apart: in each part one such line begins at each of its first elements."""

    values: np.ndarray
    part: int
    step: int

    @classmethod
    def of(cls, value: FeatureMap, shape: Shape, dim: int) -> Lines:
        """Those of a value; of float32 the bits."""
        inner = math.prod(shape[dim + 1 :])
        if len(shape) == 2:  # whose rows may have gaps between them
            part, step = (value.pixel_stride, 1) if dim == 1 else (0, value.pixel_stride)
        else:
            part, step = shape[dim] * inner, inner
        return cls(value.data.view(np.int32) if value.data.itemsize == 4 else value.data, part, step)


class Table(NamedTuple):
    """How many lines there are, ``inner`` in each part, of what length, and how many are taken of each.

    ``sign`` is -1 where the smallest numbers are the best.
    """

    parts: int
    inner: int
    length: int
    best: int
    sign: int


@task
def take_the_best(part, parts, x: Lines, y: Lines, places: Lines, table: Table, workspace):
    """Numbers and places of the best ones of all lines."""
    keys = own_memory(part, workspace, parts)
    first, last = own_range(part, table.parts * table.inner, parts)
    for line in range(first, last):
        at, start = line // table.inner, line % table.inner
        for i in range(table.length):
            keys[i] = key_of(table.sign * rank_of(x.values[at * x.part + start + i * x.step]), i)
        make_heap(keys, table.length)
        for i in range(table.best):
            place = place_of(take_best(keys, table.length - i))
            y.values[at * y.part + start + i * y.step] = x.values[at * x.part + start + place * x.step]
            places.values[at * places.part + start + i * places.step] = place


class TopkHeap(Kernel):
    """Along any dimension."""

    op = "topk"
    name = "heap"
    dtypes = ("float32", "int64")
    ranks = ANY_RANK
    tolerance = 0.0

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        op, shape = problem.op, problem.inputs[0]
        assert isinstance(op, Topk)
        dim = axis(op.dim, len(shape))
        lines = math.prod(shape[:dim]), math.prod(shape[dim + 1 :])
        self.table = Table(*lines, shape[dim], op.k, 1 if op.largest else -1)
        self.parts = min(worthwhile(problem.threads, math.prod(shape)), math.prod(lines))
        self.keys = self.parts * shape[dim]
        self.workspace_floats = WORDS * self.keys + 1

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return problem.input_dtypes == ("float32",)

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        op, shapes = self.problem.op, (self.problem.inputs[0], *self.problem.outputs)
        assert isinstance(op, Topk)
        dim = axis(op.dim, len(shapes[0]))
        lines = (Lines.of(value, shape, dim) for value, shape in zip((*inputs, *outputs), shapes, strict=True))
        return take_the_best.bind(self.parts, *lines, self.table, keys_in(workspace, self.keys))


KERNELS = (TopkHeap,)
