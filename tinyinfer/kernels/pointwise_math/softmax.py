"""Softmax and its logarithm, row by row: the largest number, the sum of exponentials, then every share.

A row stays in the first cache between the passes.  As all are shifted by the largest, no exponential is above 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.formulas import bounded_exp_factors
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.activation.softmax import LogSoftmax, Softmax
from tinyinfer.ops.base import Op, axis

LOWEST = -87.0  # below this a share is less than any normal float


@vector_function(x="address", count="int", result="address")
def largest_of_row(v, x, count, result):
    """The largest number of a row, in all lanes of the result."""
    blocks, end = count // LANES, count // LANES * LANES
    largest = v.variable(v.constant(float("-inf")))
    with v.loop(blocks) as block:
        largest.set(v.max(largest.get(), v.load(x, block * LANES)))
    with v.when(count != end):
        mask = v.mask(count - end)
        rest = v.where(mask, v.load_masked(x, end, mask), v.constant(float("-inf")))
        largest.set(v.max(largest.get(), rest))
    v.store(v.across(largest.get(), v.max), result)


@vector_function(x="address", count="int", largest="float", y="address", result="address")
def exponentials(v, x, count, largest, y, result):
    """y = e**(x - largest), and the sum of these in all lanes of the result, NaN where one is in the row."""
    blocks, end = count // LANES, count // LANES * LANES
    shift, lowest, sums = v.broadcast(largest), v.constant(LOWEST), v.variable(v.constant(0))

    def power(x):
        d = v.sub(x, shift)
        return v.where(v.above(lowest, d), v.constant(0), v.mul(*bounded_exp_factors(v, v.max(d, lowest))))

    with v.loop(blocks) as block:
        e = power(v.load(x, block * LANES))
        v.store(e, y, block * LANES)
        sums.set(v.add(sums.get(), e))
    with v.when(count != end):
        mask = v.mask(count - end)
        e = v.where(mask, power(v.load_masked(x, end, mask)), v.constant(0))
        v.store_masked(e, y, end, mask)
        sums.set(v.add(sums.get(), e))
    v.store(v.across(sums.get(), v.add), result)


@vector_function(x="address", shift="float", scale="float", rest="float", y="address", count="int")
def shift_and_scale(v, x, shift, scale, rest, y, count):
    """y = (x - shift) * scale - rest."""
    blocks, end = count // LANES, count // LANES * LANES
    shift, scale, rest = map(v.broadcast, (shift, scale, rest))
    with v.loop(blocks) as block:
        at = block * LANES
        v.store(v.sub(v.mul(v.sub(v.load(x, at), shift), scale), rest), y, at)
    with v.when(count != end):
        mask = v.mask(count - end)
        v.store_masked(v.sub(v.mul(v.sub(v.load_masked(x, end, mask), shift), scale), rest), y, end, mask)


@task
def softmax(part, parts, x: Rows, rows, count, y: Rows, logarithm, workspace):
    """Every row's numbers to their shares, or to the logarithms of these."""
    result = own_memory(part, workspace, parts)
    p0, p1 = own_range(part, rows, parts)
    for p in range(p0, p1):
        source, target = x.at(p).address, y.at(p).address
        largest_of_row(source, count, result.ctypes.data)
        largest = result[0]
        exponentials(source, count, largest, target, result.ctypes.data)
        whole = result[0]
        if logarithm:
            shift_and_scale(source, largest, np.float32(1), np.log(whole), target, count)
        else:
            shift_and_scale(target, np.float32(0), np.float32(1) / whole, np.float32(0), target, count)


class _Softmax(Kernel):
    """Along the last dimension, or along the channels of images, which are the rows of NHWC."""

    name = "vector"
    ranks = ANY_RANK

    def __init__(self, problem: Problem, packed: None) -> None:
        super().__init__(problem, packed)
        self.workspace_floats = LANES * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Softmax | LogSoftmax)
        rank = len(problem.inputs[0])
        dim = axis(problem.op.dim, rank)
        return dim == rank - 1 or (rank, dim) == (4, 1)

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        assert isinstance(op, Softmax | LogSoftmax)
        return NHWC if axis(op.dim, len(inputs[0])) == 1 else ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), threads = inputs, outputs, self.problem.threads
        parts, logarithm = worthwhile(threads, x.pixels * x.c), isinstance(self.problem.op, LogSoftmax)
        return softmax.bind(parts, Rows.of(x), x.pixels, x.c, Rows.of(y), logarithm, workspace)


class SoftmaxVector(_Softmax):
    """Shares of a row, which add up to 1."""

    op = "softmax"


class LogSoftmaxVector(_Softmax):
    """Logarithms of the shares, without taking that of a number near 0."""

    op = "log_softmax"


KERNELS = (SoftmaxVector, LogSoftmaxVector)
