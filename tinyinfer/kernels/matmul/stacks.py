"""Products of matrices that are both values of the network, as attention has them: stacks of small ones.

Each part brings a right-hand matrix into panels, in memory of its own, right before it multiplies: the panels are still
in cache then, and the microkernel is that of weights, which were brought into panels once for all runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address, Rows, plain_sum
from tinyinfer.kernels.base import ANY_RANK, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.memory import copy_rows
from tinyinfer.kernels.matmul.gemm import MR, NR, gemm, pack_bias, packed_size
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.base import Op


@inline
def pack_rows(b, k, n, panels):
    """What `pack_panels` makes of [k, n], but for the columns beyond n, which no result is made of."""
    for start in range(0, n, NR):
        columns = min(NR, n - start)
        width = LANES if columns <= LANES else NR
        copy_rows(b.at(0, start).address, b.stride, panels + start * k * 4, width, k, columns)


class Stacks(NamedTuple):
    """Matrices one behind the other, and the first row of the one that is each stack's."""

    rows: Rows
    first: np.ndarray


@task
def multiply_stacks(part, parts, a: Stacks, b: Stacks, y: Rows, m, k, n, bias: Address, workspace):
    """y[s] = a[s] @ b[s]; tiles of rows dealt out, stack by stack."""
    panels, tiles, packed = own_memory(part, workspace, parts).ctypes.data, -(-m // MR), -1
    first, last = own_range(part, a.first.size * tiles, parts)
    for s in range(first // tiles, -(-last // tiles)):
        p0, p1 = max(0, first - s * tiles) * MR, min(m, (last - s * tiles) * MR)
        if b.first[s] != packed:
            packed = b.first[s]
            pack_rows(b.rows.at(packed), k, n, panels)
        target = y.at(s * m + p0)
        gemm(a.rows.at(a.first[s] + p0), p1 - p0, k, panels, target, n, plain_sum(bias, Rows(target.address, 0)))


def first_rows(stacks: Shape, own: Shape, rows: int) -> np.ndarray:
    """Where the matrix of each stack begins, in rows, if a value with these stacks of its own is spread over all."""
    numbers = np.arange(math.prod(own)).reshape(own)
    return np.ascontiguousarray(np.broadcast_to(numbers, stacks)).reshape(-1) * rows


class StackedGemm(Kernel):
    """Matrices or stacks of them, which broadcast."""

    op = "matmul"
    name = "gemm"
    ranks = ANY_RANK

    def __init__(self, problem: Problem, packed: None) -> None:
        super().__init__(problem, packed)
        (*_, k), (*_, n) = problem.inputs
        self.workspace_floats = packed_size(k, n) * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return all(len(shape) >= 2 and 0 not in shape for shape in problem.inputs)

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (a, b), (y,) = inputs, outputs
        (*a_own, m, k), (*b_own, _, n) = self.problem.inputs
        stacks = self.problem.outputs[0][:-2]
        a_first, b_first = first_rows(stacks, tuple(a_own), m), first_rows(stacks, tuple(b_own), k)
        if math.prod(b_own) == 1 and math.prod(a_own) == len(a_first):  # rows of all stacks are those of one
            a_first, b_first, m = a_first[:1], b_first[:1], m * len(a_first)
        threads = worthwhile(self.problem.threads, len(a_first) * m * k * n)
        bias = Address.of(pack_bias(None, n))
        return multiply_stacks.bind(
            threads, Stacks(Rows.of(a), a_first), Stacks(Rows.of(b), b_first), Rows.of(y), m, k, n, bias, workspace
        )  # fmt: skip


KERNELS = (StackedGemm,)
