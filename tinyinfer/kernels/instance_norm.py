"""Instance norm: LANES channels at a time, whose statistics are the lanes of a vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.pages import aligned
from tinyinfer.kernels.parts import own_range, worthwhile
from tinyinfer.kernels.per_channel import spread
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
from tinyinfer.ops.norms import InstanceNorm


@vector_function(x="address", x_row="int", rows="int", lanes="int", means="address", power="int", sums="address")
def lane_sums(v, x, x_row, rows, lanes, means, power, sums):
    """Each lane's sum over the rows of x (power 1) or of (x - mean)^2 (power 2)."""
    mask = v.mask(lanes)
    for number in (1, 2):
        with v.when(power == number):
            total, middle = v.variable(v.constant(0)), v.load(means)
            with v.loop(rows) as row:
                d = v.load_masked(x, row * x_row, mask)
                if number == 2:
                    d = v.sub(d, middle)
                    total.set(v.fma(d, d, total.get()))
                else:
                    total.set(v.add(d, total.get()))
            v.store(total.get(), sums)


@vector_function(
    x="address", x_row="int", means="address", factors="address", bias="address", y="address", y_row="int", rows="int",
    lanes="int",
)  # fmt: skip
def scale_lanes(v, x, x_row, means, factors, bias, y, y_row, rows, lanes):
    """y = (x - mean) * factor + bias, each of them a number a lane."""
    mask = v.mask(lanes)
    middle, factor, shift = v.load(means), v.load(factors), v.load_masked(bias, 0, mask)
    with v.loop(rows) as row:
        d = v.sub(v.load_masked(x, row * x_row, mask), middle)
        v.store_masked(v.fma(d, factor, shift), y, row * y_row, mask)


@inline
def instance_range(x, x_stride, y, y_stride, rows, c, weight, bias, eps, scratch, s0, s1):
    """Vectors of channels s0 .. s1, counted through all images; scratch holds sums, means and factors."""
    blocks = (c + LANES - 1) // LANES
    sums, means = scratch.ctypes.data, scratch.ctypes.data + LANES * 4
    for s in range(s0, s1):
        image, first = s // blocks, s % blocks * LANES
        lanes = min(LANES, c - first)
        source = x.ctypes.data + (image * rows * x_stride + first) * 4
        scratch[:] = np.float32(0)
        lane_sums(source, x_stride, rows, lanes, means, 1, sums)
        for lane in range(lanes):
            scratch[LANES + lane] = scratch[lane] / np.float32(rows)
        lane_sums(source, x_stride, rows, lanes, means, 2, sums)
        for lane in range(lanes):
            variance = scratch[lane] / np.float32(rows)
            scratch[2 * LANES + lane] = weight[first + lane] / np.sqrt(variance + eps)
        scale_lanes(
            source, x_stride, means, sums + 2 * LANES * 4, bias.ctypes.data + first * 4,
            y.ctypes.data + (image * rows * y_stride + first) * 4, y_stride, rows, lanes,
        )  # fmt: skip


@task
def instance_norm(part, parts, x, x_stride, y, y_stride, rows, c, weight, bias, eps, scratch, count):
    """All ``count`` vectors of channels, each part with its own scratch."""
    s0, s1 = own_range(part, count, parts)
    own = scratch[3 * LANES * part : 3 * LANES * (part + 1)]
    instance_range(x, x_stride, y, y_stride, rows, c, weight, bias, eps, own, s0, s1)


class InstanceNormVector(Kernel):
    """Images by their own statistics."""

    op = "instance_norm"
    name = "vector"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, tuple(spread(values, problem.inputs[0][1]) for values in packed))
        self.scratch_floats = 3 * LANES * problem.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) == 4 and "running_var" not in problem.params

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        return aligned(layer.params.get("weight", np.ones(1))), aligned(layer.params.get("bias", np.zeros(1)))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), threads, op = inputs, outputs, self.problem.threads, self.problem.op
        assert isinstance(op, InstanceNorm)
        return instance_norm.bind(
            worthwhile(threads, x.pixels * x.c), x.data, x.pixel_stride, y.data, y.pixel_stride, x.h * x.w, x.c,
            *self.packed, np.float32(op.eps), scratch, x.n * -(-x.c // LANES),
        )  # fmt: skip


KERNELS = (InstanceNormVector,)
