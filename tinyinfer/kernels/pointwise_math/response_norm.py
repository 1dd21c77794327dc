"""Local response norm: squares of a pixel in workspace, sums of neighbours read from there at shifted addresses.

The power is put together from square roots, which serves the exponents 1/4, 1/2, 3/4 and 1; AlexNet's is 3/4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.memory import fill_rows
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.ops.normalization.local_response_norm import LocalResponseNorm


def power(v: Any, t: Any, quarters: int) -> Any:
    """t ** (quarters / 4)."""
    if quarters == 4:
        return t
    root = v.sqrt(t)
    return root if quarters == 2 else v.sqrt(root) if quarters == 1 else v.mul(root, v.sqrt(root))


class Norm(NamedTuple):
    """x / (k + alpha * sum of squares of ``size`` neighbours) ** (quarters / 4)."""

    size: int
    alpha: float
    k: float
    quarters: int


@vector_function(x="address", squares="address", norm=Norm, y="address", channels="int")
def normalize(v, x, squares, norm, y, channels):
    """One pixel; ``squares`` has room for its channels between zeros."""
    end, before = channels // LANES * LANES, norm.size // 2
    factor, offset, mask = v.broadcast(norm.alpha), v.broadcast(norm.k), v.mask(channels - end)
    with v.loop(end, LANES) as at:
        value = v.load(x, at)
        v.store(v.mul(value, value), squares, before + at)
    with v.when(channels != end):
        value = v.load_masked(x, end, mask)
        v.store_masked(v.mul(value, value), squares, before + end, mask)

    def divided(value, at, quarters):
        total = v.variable(v.constant(0))
        with v.loop(norm.size) as step:
            total.set(v.add(total.get(), v.load(squares, at + step)))
        return v.div(value, power(v, v.fma(total.get(), factor, offset), quarters))

    for number in (1, 2, 3, 4):
        with v.when(norm.quarters == number):
            with v.loop(end, LANES) as at:
                v.store(divided(v.load(x, at), at, number), y, at)
            with v.when(channels != end):
                v.store_masked(divided(v.load_masked(x, end, mask), end, number), y, end, mask)


@task
def response_norm(part, parts, x: Rows, c, norm: Norm, y: Rows, pixels, workspace):
    """All pixels, each part with its own workspace."""
    squares, (p0, p1) = own_memory(part, workspace, parts), own_range(part, pixels, parts)
    fill_rows(np.float32(0), squares.ctypes.data, 0, 1, squares.size)
    for p in range(p0, p1):
        normalize(x.at(p).address, squares.ctypes.data, norm, y.at(p).address, c)


class ResponseNorm(Kernel):
    """Images and rows; exponents of whole quarters up to 1."""

    op = "local_response_norm"
    name = "roots"

    def __init__(self, problem: Problem, packed: None) -> None:
        super().__init__(problem, packed)
        assert isinstance(problem.op, LocalResponseNorm)
        self.threads = worthwhile(problem.threads, int(np.prod(problem.inputs[0])))
        channels = -(-problem.inputs[0][1] // LANES) * LANES
        self.workspace_floats = (channels + problem.op.size) * self.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, LocalResponseNorm)
        wide = problem.op.size > 2 * problem.inputs[0][1]  # more zeros than channels: not worth a thought
        return len(problem.inputs[0]) in (2, 4) and problem.op.beta in (0.25, 0.5, 0.75, 1.0) and not wide

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, LocalResponseNorm)
        norm = Norm(op.size, np.float32(op.alpha / op.size), np.float32(op.k), int(4 * op.beta))
        return response_norm.bind(self.threads, Rows.of(x), x.c, norm, Rows.of(y), x.pixels, workspace)


KERNELS = (ResponseNorm,)
