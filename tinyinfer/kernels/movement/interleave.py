"""Two or three runs of floats dealt out one float at a time, in registers, and back.

In NHWC this is what brings three planes of an image together, and what a channel shuffle does to the groups of a
pixel; these may lie anywhere, so that nothing has to be joined before it is shuffled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.movement.byte_shuffles import interleave_byte_rows
from tinyinfer.kernels.parallel.parts import own_range
from tinyinfer.kernels.parallel.task import Task, task, task_of
from tinyinfer.ops.dtypes import BYTES


def make_interleave(streams: int) -> Any:
    """y[row, i * streams + s] = x_s[row, i], for ``count`` floats in every row of every stream."""

    @vector_function(**{f"x_{s}": Rows for s in range(streams)}, y=Rows, rows="int", count="int")
    def interleave(v, *arguments):
        *runs, y, rows, count = arguments
        with v.loop(rows) as row:
            emit_interleave(v, [x.at(row).address for x in runs], y.at(row).address, count)

    return interleave


def emit_interleave(v: Any, sources: list[Any], y: Any, count: Any) -> None:
    """Emit y[i * len(sources) + s] = sources[s][i], for ``count`` floats of each."""
    streams, blocks = len(sources), count // LANES
    with v.loop(blocks) as block:
        for j, vector in enumerate(v.interleave([v.load(x, block * LANES) for x in sources])):
            v.store(vector, y, (block * streams + j) * LANES)
    end = blocks * LANES
    with v.when(count != end):
        mask = v.mask(count - end)
        for j, vector in enumerate(v.interleave([v.load_masked(x, end, mask) for x in sources])):
            v.store_masked(vector, y, end * streams + j * LANES, v.mask((count - end) * streams - j * LANES))


def emit_deinterleave(v: Any, x: Any, targets: list[Any], count: Any) -> None:
    """Emit targets[s][i] = x[i * len(targets) + s], for ``count`` floats of each."""
    streams, blocks = len(targets), count // LANES
    with v.loop(blocks) as block:
        vectors = [v.load(x, (block * streams + j) * LANES) for j in range(streams)]
        for target, vector in zip(targets, v.deinterleave(vectors), strict=True):
            v.store(vector, target, block * LANES)
    end = blocks * LANES
    with v.when(count != end):
        rest = count - end
        vectors = [
            v.load_masked(x, end * streams + j * LANES, v.mask(rest * streams - j * LANES)) for j in range(streams)
        ]
        for target, vector in zip(targets, v.deinterleave(vectors), strict=True):
            v.store_masked(vector, target, end, v.mask(rest))


interleave_2, interleave_3 = make_interleave(2), make_interleave(3)


def make_interleave_two(rows: Any, interleave: Any) -> Task:
    """y[:, 2 i] = a[:, i], y[:, 2 i + 1] = b[:, i]."""

    @task_of(a=rows, b=rows, y=rows)
    def interleave_two(part, parts, a, b, count, channels, y):
        p0, p1 = own_range(part, count, parts)
        interleave(a.at(p0), b.at(p0), y.at(p0), p1 - p0, channels)

    return interleave_two


interleave_floats = make_interleave_two(Rows, interleave_2)
interleave_bytes = make_interleave_two(ByteRows, interleave_byte_rows)


class InterleaveTwo(Kernel):
    """Two groups."""

    op = "interleave"
    name = "interleave"
    dtypes = ("float32", *BYTES)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs) == 2 and len(problem.inputs[0]) == 4

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (a, b), (y,) = inputs, outputs
        rows, interleave = (ByteRows, interleave_bytes) if y.data.itemsize == 1 else (Rows, interleave_floats)
        return interleave.bind(self.problem.threads, rows.of(a), rows.of(b), y.pixels, a.c, rows.of(y))


@vector_function(x=Rows, rows="int", count="int", even=Rows, odd=Rows)
def deinterleave_rows(v, x, rows, count, even, odd):
    """even[row, i] = x[row, 2 i], odd[row, i] = x[row, 2 i + 1], for ``count`` floats of each."""
    with v.loop(rows) as row:
        emit_deinterleave(v, x.at(row).address, [even.at(row).address, odd.at(row).address], count)


@task
def deinterleave_two(part, parts, a: Rows, b: Rows, rows, halves, y: Rows):
    """y = a[:, ::2], b[:, ::2], a[:, 1::2], b[:, 1::2]; ``halves`` are half the channels of a and of b."""
    p0, p1 = own_range(part, rows, parts)
    of_a, of_b = halves
    half = of_a + of_b
    deinterleave_rows(a.at(p0), p1 - p0, of_a, y.at(p0), y.at(p0, half))
    deinterleave_rows(b.at(p0), p1 - p0, of_b, y.at(p0, of_a), y.at(p0, half + of_a))


class DeinterleaveTwo(Kernel):
    """Two maps."""

    op = "deinterleave"
    name = "deinterleave"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs) == 2 and len(problem.inputs[0]) == 4

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (a, b), (y,) = inputs, outputs
        halves = (a.c // 2, b.c // 2)
        return deinterleave_two.bind(self.problem.threads, Rows.of(a), Rows.of(b), y.pixels, halves, Rows.of(y))


KERNELS = (InterleaveTwo, DeinterleaveTwo)
