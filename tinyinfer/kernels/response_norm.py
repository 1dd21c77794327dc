"""Local response norm: squares of a pixel in scratch, sums of neighbours read from there at shifted addresses.

The power is put together from square roots, which serves the exponents 1/4, 1/2, 3/4 and 1; AlexNet's is 3/4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.memory import fill_rows
from tinyinfer.kernels.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
from tinyinfer.ops.local_response_norm import LocalResponseNorm


def power(v: Any, t: Any, quarters: int) -> Any:
    """t ** (quarters / 4)."""
    if quarters == 4:
        return t
    root = v.sqrt(t)
    return root if quarters == 2 else v.sqrt(root) if quarters == 1 else v.mul(root, v.sqrt(root))


@vector_function(
    x="address", squares="address", before="int", size="int", alpha="float", k="float", quarters="int",
    y="address", end="int", rest="int",
)  # fmt: skip
def normalize(v, x, squares, before, size, alpha, k, quarters, y, end, rest):
    """One pixel of ``end`` channels in whole vectors and ``rest`` more; squares has zeros around its channels."""
    factor, offset, mask = v.broadcast(alpha), v.broadcast(k), v.mask(rest)
    with v.loop(end, LANES) as at:
        value = v.load(x, at)
        v.store(v.mul(value, value), squares, before + at)
    with v.when(rest != 0):
        value = v.load_masked(x, end, mask)
        v.store_masked(v.mul(value, value), squares, before + end, mask)

    def divided(value, at, quarters):
        total = v.variable(v.constant(0))
        with v.loop(size) as step:
            total.set(v.add(total.get(), v.load(squares, at + step)))
        return v.div(value, power(v, v.fma(total.get(), factor, offset), quarters))

    for number in (1, 2, 3, 4):
        with v.when(quarters == number):
            with v.loop(end, LANES) as at:
                v.store(divided(v.load(x, at), at, number), y, at)
            with v.when(rest != 0):
                v.store_masked(divided(v.load_masked(x, end, mask), end, number), y, end, mask)


@task
def response_norm(part, parts, x, x_stride, c, size, alpha, k, quarters, y, y_stride, pixels, scratch):
    """All pixels, each part with its own scratch."""
    squares, (p0, p1) = own_memory(part, scratch, parts), own_range(part, pixels, parts)
    fill_rows(np.float32(0), squares.ctypes.data, 0, 1, squares.size)
    for p in range(p0, p1):
        normalize(
            x.ctypes.data + p * x_stride * 4, squares.ctypes.data, size // 2, size, alpha, k, quarters,
            y.ctypes.data + p * y_stride * 4, c // LANES * LANES, c % LANES,
        )  # fmt: skip


class ResponseNorm(Kernel):
    """Images and rows; exponents of whole quarters up to 1."""

    op = "local_response_norm"
    name = "roots"

    def __init__(self, problem: Problem, packed: None) -> None:
        super().__init__(problem, packed)
        assert isinstance(problem.op, LocalResponseNorm)
        self.threads = worthwhile(problem.threads, int(np.prod(problem.inputs[0])))
        channels = -(-problem.inputs[0][1] // LANES) * LANES
        self.scratch_floats = (channels + problem.op.size) * self.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, LocalResponseNorm)
        wide = problem.op.size > 2 * problem.inputs[0][1]  # more zeros than channels: not worth a thought
        return len(problem.inputs[0]) in (2, 4) and problem.op.beta in (0.25, 0.5, 0.75, 1.0) and not wide

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, LocalResponseNorm)
        return response_norm.bind(
            self.threads, x.data, x.pixel_stride, x.c, op.size, np.float32(op.alpha / op.size), np.float32(op.k),
            int(4 * op.beta), y.data, y.pixel_stride, x.pixels, scratch,
        )  # fmt: skip


KERNELS = (ResponseNorm,)
