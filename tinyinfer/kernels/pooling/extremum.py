"""Where the largest or smallest number is: along rows, each lane looks through one of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.ops.arithmetic.ranking import Extremum
from tinyinfer.ops.base import Op, axis

LONGEST = 1024  # numbers to look through: rows of more lie too far apart for lanes to read them side by side


class Search(NamedTuple):
    """What is looked through: ``outer`` parts with ``results`` each, of ``length`` numbers that are ``step`` apart.

    Results beside each other begin ``lane`` floats apart, parts ``part`` floats.
    """

    outer: int
    part: int
    results: int
    lane: int
    length: int
    step: int


def make_search(sign: int) -> Task:
    """The first of the largest numbers times ``sign``, NaN being larger than all."""

    @vector_function(x="address", lanes="address", step="int", length="int", count="int", found="address")
    def search_lanes(v, x, lanes, step, length, count, found):
        mask, offsets, factor = v.mask(count), v.load_ints(lanes), v.constant(sign)
        best = v.variable(v.mul(v.gather(x, offsets, mask), factor))
        at, here = v.variable(v.constant(0)), v.variable(v.constant(0))
        with v.loop(length) as k:
            value = v.mul(v.gather(x + k * step * 4, offsets, mask), factor)
            better = v.beyond(value, best.get())
            best.set(v.where(better, value, best.get()))
            at.set(v.where(better, here.get(), at.get()))
            here.set(v.add(here.get(), v.constant(1)))
        v.store(at.get(), found)

    @task
    def search(part, parts, x: Rows, search: Search, lanes: Address, y, y_columns, y_stride, workspace):
        """Places of all results; ``lanes`` has the beginnings of the first register's."""
        found, blocks = own_memory(part, workspace, parts), -(-search.results // LANES)
        first, last = own_range(part, search.outer * blocks, parts)
        for unit in range(first, last):
            outer, lane = unit // blocks, unit % blocks * LANES
            count = min(LANES, search.results - lane)
            source = x.at(0, outer * search.part + lane * search.lane)
            search_lanes(source.address, lanes, search.step, search.length, count, found.ctypes.data)
            for i in range(count):
                result = outer * search.results + lane + i
                y[result // y_columns * y_stride + result % y_columns] = np.int64(found[i])

    return search


SEARCHES = {"argmax": make_search(1), "argmin": make_search(-1)}


class _Extremum(Kernel):
    """Along the channels of images, or any dimension of rows."""

    name: ClassVar[str] = "lanes"
    dtypes = ("float32", "int64")
    ranks = ANY_RANK
    tolerance = 0.0

    def __init__(self, problem: Problem, packed: Any) -> None:
        super().__init__(problem, packed)
        self.workspace_floats = LANES * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Extremum)
        shape = problem.inputs[0]
        if problem.op.dim is None or problem.input_dtypes != ("float32",) or 0 in shape:
            return False
        length = shape[axis(problem.op.dim, len(shape))]
        return length <= LONGEST and math.prod(shape) // length >= LANES

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        assert isinstance(op, Extremum)
        return NHWC if op.dim is not None and axis(op.dim, len(inputs[0])) == 1 else ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op, shape = inputs, outputs, self.problem.op, self.problem.inputs[0]
        assert isinstance(op, Extremum)
        assert op.dim is not None
        dim = axis(op.dim, len(shape))
        inner = math.prod(shape[dim + 1 :])
        if x.layout == NHWC or dim == len(shape) - 1:  # a row of its own for each result
            search = Search(1, 0, x.pixels, x.pixel_stride, x.c, 1)
        elif inner == 1:  # as many dimensions of size 1 behind it as there may be
            search = Search(1, 0, math.prod(shape[:dim]), shape[dim], shape[dim], 1)
        else:
            step = x.pixel_stride if len(shape) == 2 else inner
            search = Search(math.prod(shape[:dim]), shape[dim] * inner, inner, 1, shape[dim], step)
        lanes = Address.of(np.arange(LANES, dtype=np.int32) * search.lane)
        threads = worthwhile(self.problem.threads, x.pixels * x.c)
        return SEARCHES[self.op].bind(
            threads, Rows.of(x), search, lanes, y.data, y.c, y.pixel_stride, workspace
        )  # fmt: skip


class ArgmaxLanes(_Extremum):
    """The largest."""

    op = "argmax"


class ArgminLanes(_Extremum):
    """The smallest."""

    op = "argmin"


KERNELS = (ArgmaxLanes, ArgminLanes)
