"""Layer and group norm: sums over a set of values, then every value scaled and shifted.

Two passes gather a mean and the squared distances from it, which loses fewer digits than one pass over squares; a
third writes.  Sums stay vectors, one lane for each of LANES channels, until the set is complete.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layer, Layout, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.pages import aligned
from tinyinfer.kernels.parts import own_range, worthwhile
from tinyinfer.kernels.per_channel import spread
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import task
from tinyinfer.ops.base import Op
from tinyinfer.ops.norms import GroupNorm, LayerNorm


@vector_function(
    x="address", x_row="int", rows="int", blocks="int", rest="int", mean="float", power="int", sums="address"
)
def sum_powers(v, x, x_row, rows, blocks, rest, mean, power, sums):
    """Each lane's sum of x (power 1) or (x - mean)^2 (power 2), over rows of ``blocks`` vectors and ``rest`` lanes."""
    middle, mask = v.broadcast(mean), v.mask(rest)
    for number in (1, 2):
        with v.when(power == number):
            total = v.variable(v.constant(0))
            with v.loop(rows) as row:
                line = v.variable(v.constant(0))
                with v.loop(blocks) as block:
                    d = v.load(x, row * x_row + block * LANES)
                    if number == 2:
                        d = v.sub(d, middle)
                        line.set(v.fma(d, d, line.get()))
                    else:
                        line.set(v.add(line.get(), d))
                with v.when(rest != 0):
                    d = v.load_masked(x, row * x_row + blocks * LANES, mask)
                    if number == 2:
                        d = v.where(mask, v.sub(d, middle), v.constant(0))
                        d = v.mul(d, d)
                    line.set(v.add(line.get(), d))
                total.set(v.add(total.get(), line.get()))
            v.store(total.get(), sums)


@vector_function(
    x="address", x_row="int", mean="float", scale="float", weight="address", bias="address", y="address", y_row="int",
    rows="int", blocks="int", rest="int",
)  # fmt: skip
def scale_rows(v, x, x_row, mean, scale, weight, bias, y, y_row, rows, blocks, rest):
    """y = (x - mean) * scale * weight + bias, weight and bias along the row."""
    middle, factor, mask = v.broadcast(mean), v.broadcast(scale), v.mask(rest)
    with v.loop(rows) as row:
        with v.loop(blocks) as block:
            d = v.mul(v.sub(v.load(x, row * x_row + block * LANES), middle), factor)
            v.store(
                v.fma(d, v.load(weight, block * LANES), v.load(bias, block * LANES)), y, row * y_row + block * LANES
            )
        with v.when(rest != 0):
            end = blocks * LANES
            d = v.mul(v.sub(v.load_masked(x, row * x_row + end, mask), middle), factor)
            d = v.fma(d, v.load_masked(weight, end, mask), v.load_masked(bias, end, mask))
            v.store_masked(d, y, row * y_row + end, mask)


@inline
def total(sums):
    """Sum of the lanes."""
    result = np.float32(0)
    for lane in range(LANES):
        result += sums[lane]
    return result


@task
def normalise(part, parts, x, x_stride, y, y_stride, rows, c, sets, weight, bias, eps, scratch, count):
    """Each of ``count`` sets is ``rows`` rows of ``c`` neighbouring channels, and each row holds ``sets`` sets."""
    sums, (s0, s1) = scratch[part * LANES : (part + 1) * LANES], own_range(part, count, parts)
    blocks, rest, size = c // LANES, c % LANES, np.float32(rows * c)
    for s in range(s0, s1):
        image, first = s // sets, s % sets * c
        source = x.ctypes.data + (image * rows * x_stride + first) * 4
        target = y.ctypes.data + (image * rows * y_stride + first) * 4
        sum_powers(source, x_stride, rows, blocks, rest, np.float32(0), 1, sums.ctypes.data)
        mean = total(sums) / size
        sum_powers(source, x_stride, rows, blocks, rest, mean, 2, sums.ctypes.data)
        scale = np.float32(1) / np.sqrt(total(sums) / size + eps)
        scale_rows(
            source, x_stride, mean, scale, weight.ctypes.data + first * 4, bias.ctypes.data + first * 4,
            target, y_stride, rows, blocks, rest,
        )  # fmt: skip


class _Norm(Kernel):
    """A norm whose sets are runs of ``c`` channels over ``rows`` pixels of each of ``images``."""

    name = "vector"

    def __init__(self, problem: Problem, packed: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__(problem, tuple(spread(values, self.affine_size(problem)) for values in packed))
        self.scratch_floats = LANES * problem.threads

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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,), threads = inputs, outputs, self.problem.threads
        images, rows, c = self.sets(x)
        width = x.pixels * x.c // (images * rows)  # channels side by side
        x_stride, y_stride = (width, width) if width != x.c else (x.pixel_stride, y.pixel_stride)
        count = images * (width // c)
        op = self.problem.op
        assert isinstance(op, LayerNorm | GroupNorm)
        return normalise.bind(
            worthwhile(threads, x.pixels * x.c), x.data, x_stride, y.data, y_stride, rows, c, width // c, *self.packed,
            np.float32(op.eps), scratch, count,
        )  # fmt: skip


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
