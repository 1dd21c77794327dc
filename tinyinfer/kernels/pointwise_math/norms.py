"""Layer and group norm: sums over a set of values, then every value scaled and shifted.

Two passes gather a mean and the squared distances from it, which loses fewer digits than one pass over squares; a
third writes.  Sums stay vectors, one lane for each of LANES channels, until the set is complete.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layer, Layout, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.pages import aligned
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.pointwise_math.per_channel import spread
from tinyinfer.ops.base import Op
from tinyinfer.ops.normalization.norms import GroupNorm, LayerNorm


@vector_function(x=Rows, rows="int", channels="int", mean="float", power="int", sums="address")
def sum_powers(v, x, rows, channels, mean, power, sums):
    """Each lane's sum of x (power 1) or (x - mean)^2 (power 2), over rows of channels."""
    blocks, end = channels // LANES, channels // LANES * LANES
    middle, mask = v.broadcast(mean), v.mask(channels - end)
    for number in (1, 2):
        with v.when(power == number):
            total = v.variable(v.constant(0))
            with v.loop(rows) as row:
                line = v.variable(v.constant(0))
                with v.loop(blocks) as block:
                    d = v.load(x.address, row * x.stride + block * LANES)
                    if number == 2:
                        d = v.sub(d, middle)
                        line.set(v.fma(d, d, line.get()))
                    else:
                        line.set(v.add(line.get(), d))
                with v.when(channels != end):
                    d = v.load_masked(x.address, row * x.stride + end, mask)
                    if number == 2:
                        d = v.where(mask, v.sub(d, middle), v.constant(0))
                        d = v.mul(d, d)
                    line.set(v.add(line.get(), d))
                total.set(v.add(total.get(), line.get()))
            v.store(total.get(), sums)


@vector_function(
    x=Rows, mean="float", scale="float", weight="address", bias="address", y=Rows, rows="int", channels="int"
)
def scale_rows(v, x, mean, scale, weight, bias, y, rows, channels):
    """y = (x - mean) * scale * weight + bias, weight and bias along the row."""
    blocks, end = channels // LANES, channels // LANES * LANES
    middle, factor, mask = v.broadcast(mean), v.broadcast(scale), v.mask(channels - end)
    with v.loop(rows) as row:
        with v.loop(blocks) as block:
            at = block * LANES
            d = v.mul(v.sub(v.load(x.address, row * x.stride + at), middle), factor)
            v.store(v.fma(d, v.load(weight, at), v.load(bias, at)), y.address, row * y.stride + at)
        with v.when(channels != end):
            d = v.mul(v.sub(v.load_masked(x.address, row * x.stride + end, mask), middle), factor)
            d = v.fma(d, v.load_masked(weight, end, mask), v.load_masked(bias, end, mask))
            v.store_masked(d, y.address, row * y.stride + end, mask)


@inline
def total(sums):
    """Sum of the lanes."""
    result = np.float32(0)
    for lane in range(LANES):
        result += sums[lane]
    return result


class Sets(NamedTuple):
    """What is normalised: ``number`` sets of ``rows`` rows of ``c`` neighbouring channels, so many ``in_row``."""

    number: int
    in_row: int
    rows: int
    c: int


@task
def normalise(part, parts, x: Rows, sets: Sets, weight: Address, bias: Address, eps, y: Rows, workspace):
    """All sets, by their own mean and variance."""
    sums, (s0, s1) = workspace[part * LANES : (part + 1) * LANES], own_range(part, sets.number, parts)
    rows, c = sets.rows, sets.c
    size = np.float32(rows * c)
    for s in range(s0, s1):
        image, first = s // sets.in_row, s % sets.in_row * c
        source = x.at(image * rows, first)
        sum_powers(source, rows, c, np.float32(0), 1, sums.ctypes.data)
        mean = total(sums) / size
        sum_powers(source, rows, c, mean, 2, sums.ctypes.data)
        scale = np.float32(1) / np.sqrt(total(sums) / size + eps)
        scale_rows(source, mean, scale, weight + first * 4, bias + first * 4, y.at(image * rows, first), rows, c)


class _Norm(Kernel):
    """A norm whose sets are runs of ``c`` channels over ``rows`` pixels of each of ``images``."""

    name = "vector"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, tuple(spread(values, self.affine_size(problem)) for values in packed))
        self.workspace_floats = LANES * problem.threads

    @classmethod
    def pack(cls, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        return aligned(layer.params.get("weight", np.ones(1))), aligned(layer.params.get("bias", np.zeros(1)))

    @classmethod
    def affine_size(cls, problem: Problem) -> int:
        """Elements of weight and bias."""
        return problem.inputs[0][1]

    def sets(self, x: FeatureMap) -> tuple[int, int, int]:
        """(images, rows, channels of a set)."""
        raise NotImplementedError

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), threads = inputs, outputs, self.problem.threads
        images, rows, c = self.sets(x)
        width = x.pixels * x.c // (images * rows)  # channels side by side
        source, target = (Rows.of(m) if width == m.c else Rows(Address.of(m.data), width) for m in (x, y))
        sets = Sets(images * (width // c), width // c, rows, c)
        weight, bias = map(Address.of, self.packed)
        op = self.problem.op
        assert isinstance(op, LayerNorm | GroupNorm)
        parts, eps = worthwhile(threads, x.pixels * x.c), np.float32(op.eps)
        return normalise.bind(parts, source, sets, weight, bias, eps, target, workspace)


class LayerNormVector(_Norm):
    """Over the channels of every pixel, or over the last dimensions of values that are not images."""

    op = "layer_norm"
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, LayerNorm)
        rank = len(problem.inputs[0])
        axes = problem.op.axes(rank)
        return (rank == 4 and axes == (1,)) or axes[-1] == rank - 1

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        assert isinstance(op, LayerNorm)
        return NHWC if op.axes(len(inputs[0])) == (1,) else ROWS

    @classmethod
    def affine_size(cls, problem: Problem) -> int:
        assert isinstance(problem.op, LayerNorm)
        return math.prod(problem.op.normalized_shape)

    def sets(self, x: FeatureMap) -> tuple[int, int, int]:
        size = self.affine_size(self.problem)
        return x.pixels * x.c // size, 1, size


class GroupNormVector(_Norm):
    """Groups of channels over all pixels of an image."""

    op = "group_norm"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) in (2, 4)

    def sets(self, x: FeatureMap) -> tuple[int, int, int]:
        assert isinstance(self.problem.op, GroupNorm)
        return x.n, x.h * x.w, x.c // self.problem.op.num_groups


KERNELS = (LayerNormVector, GroupNormVector)
