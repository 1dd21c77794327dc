"""Instance norm: LANES channels at a time, whose statistics are the lanes of a vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.pages import aligned
from tinyinfer.kernels.parallel.parts import own_memory, own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.pointwise_math.per_channel import spread
from tinyinfer.ops.normalization.norms import InstanceNorm


@vector_function(x=Rows, rows="int", lanes="int", means="address", power="int", sums="address")
def lane_sums(v, x, rows, lanes, means, power, sums):
    """Each lane's sum over the rows of x (power 1) or of (x - mean)^2 (power 2)."""
    mask = v.mask(lanes)
    for number in (1, 2):
        with v.when(power == number):
            total, middle = v.variable(v.constant(0)), v.load(means)
            with v.loop(rows) as row:
                d = v.load_masked(x.address, row * x.stride, mask)
                if number == 2:
                    d = v.sub(d, middle)
                    total.set(v.fma(d, d, total.get()))
                else:
                    total.set(v.add(d, total.get()))
            v.store(total.get(), sums)


@vector_function(x=Rows, means="address", factors="address", bias="address", y=Rows, rows="int", lanes="int")
def scale_lanes(v, x, means, factors, bias, y, rows, lanes):
    """y = (x - mean) * factor + bias, each of them a number a lane."""
    mask = v.mask(lanes)
    middle, factor, shift = v.load(means), v.load(factors), v.load_masked(bias, 0, mask)
    with v.loop(rows) as row:
        d = v.sub(v.load_masked(x.address, row * x.stride, mask), middle)
        v.store_masked(v.fma(d, factor, shift), y.address, row * y.stride, mask)


class Batch(NamedTuple):
    """Images, the pixels of one, and its channels."""

    images: int
    pixels: int
    c: int


@task
def instance_norm(part, parts, x: Rows, batch: Batch, weight, bias: Address, eps, y: Rows, workspace):
    """Vectors of channels, counted through all images; each part has workspace for sums, means and factors."""
    own, rows, blocks = own_memory(part, workspace, parts), batch.pixels, (batch.c + LANES - 1) // LANES
    sums, means, factors = own.ctypes.data, own.ctypes.data + LANES * 4, own.ctypes.data + 2 * LANES * 4
    s0, s1 = own_range(part, batch.images * blocks, parts)
    for s in range(s0, s1):
        image, first = s // blocks, s % blocks * LANES
        lanes = min(LANES, batch.c - first)
        source = x.at(image * rows, first)
        own[:] = np.float32(0)
        lane_sums(source, rows, lanes, means, 1, sums)
        for lane in range(lanes):
            own[LANES + lane] = own[lane] / np.float32(rows)
        lane_sums(source, rows, lanes, means, 2, sums)
        for lane in range(lanes):
            variance = own[lane] / np.float32(rows)
            own[2 * LANES + lane] = weight[first + lane] / np.sqrt(variance + eps)
        scale_lanes(source, means, factors, bias + first * 4, y.at(image * rows, first), rows, lanes)


class InstanceNormVector(Kernel):
    """Images by their own statistics."""

    op = "instance_norm"
    name = "vector"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, tuple(spread(values, problem.inputs[0][1]) for values in packed))
        self.threads = worthwhile(problem.threads, math.prod(problem.inputs[0]))
        self.workspace_floats = 3 * LANES * self.threads

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) == 4 and "running_var" not in problem.params

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        return aligned(layer.params.get("weight", np.ones(1))), aligned(layer.params.get("bias", np.zeros(1)))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), (weight, bias), op = inputs, outputs, self.packed, self.problem.op
        assert isinstance(op, InstanceNorm)
        batch, eps = Batch(x.n, x.h * x.w, x.c), np.float32(op.eps)
        return instance_norm.bind(self.threads, Rows.of(x), batch, weight, Address.of(bias), eps, Rows.of(y), workspace)


KERNELS = (InstanceNormVector,)
