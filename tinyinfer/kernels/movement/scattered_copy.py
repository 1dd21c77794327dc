"""A copy between two values, dimension by dimension from some places to others: what slices, pads and tiles are.

All places are known when a plan is made.  Elements that lie side by side in both values are one run; where runs are
shorter than a vector, as in a mirrored row, elements are gathered one by one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address, ByteRows, Rows
from tinyinfer.kernels.base import NHWC, Bound, FeatureMap
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.memory import copy_rows
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.movement.byte_order import pick_blocks
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import task

LARGEST_BLOCK = 16 * 1024  # elements whose places are listed one by one
SHORT = 8  # floats of a run from which on it is copied by itself


class Walk(NamedTuple):
    """The places along a dimension, or several: one number each in the input and in the output."""

    x: np.ndarray
    y: np.ndarray

    @classmethod
    def over(cls, size: int) -> Walk:
        """A dimension of this size, copied as it is."""
        return cls(np.arange(size), np.arange(size))

    @classmethod
    def picking(cls, x: np.ndarray) -> Walk:
        """An output whose elements are in their order those at these places of the input."""
        return cls(x, np.arange(len(x)))

    def scaled(self, x_step: int, y_step: int) -> Walk:
        """With so many floats from one place to the next in either value."""
        return Walk(self.x * x_step, self.y * y_step)

    def around(self, inner: Walk) -> Walk:
        """All of another walk at every place of this one."""
        return Walk(np.add.outer(self.x, inner.x).ravel(), np.add.outer(self.y, inner.y).ravel())

    def runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Beginnings in either value and lengths of what lies side by side in both."""
        starts = np.flatnonzero(np.r_[True, (np.diff(self.x) != 1) | (np.diff(self.y) != 1)])
        return self.x[starts], self.y[starts], np.diff(np.r_[starts, len(self.x)])


class Places(NamedTuple):
    """Where blocks begin, and where in a block its runs begin, in floats; ``length`` is that of each run."""

    x_block: np.ndarray
    y_block: np.ndarray
    x_run: np.ndarray
    y_run: np.ndarray
    length: np.ndarray


@task
def copy_runs(part, parts, x: Rows, y: Rows, places: Places):
    """The runs of all blocks, dealt out one by one."""
    runs = places.length.size
    first, last = own_range(part, places.x_block.size * runs, parts)
    block, run = first // runs, first % runs
    for _ in range(first, last):
        source = x.at(0, places.x_block[block] + places.x_run[run])
        target = y.at(0, places.y_block[block] + places.y_run[run])
        copy_rows(source.address, 0, target.address, 0, 1, places.length[run])
        run += 1
        if run == runs:
            block, run = block + 1, 0


@task
def copy_byte_runs(part, parts, x: ByteRows, y: ByteRows, places: Places):
    """The same of bytes, in which places and lengths are then counted."""
    runs = places.length.size
    first, last = own_range(part, places.x_block.size * runs, parts)
    block, run = first // runs, first % runs
    for _ in range(first, last):
        source = x.at(0, places.x_block[block] + places.x_run[run])
        target = y.at(0, places.y_block[block] + places.y_run[run])
        copy_byte_rows(source.address, 0, target.address, 0, 1, places.length[run])
        run += 1
        if run == runs:
            block, run = block + 1, 0


@vector_function(x="address", index="address", y="address", count="int")
def gather_row(v, x, index, y, count):
    """y[i] = x[index[i]]."""
    end = count // LANES * LANES
    with v.loop(end, LANES) as i:
        v.store(v.gather(x, v.load_ints(index, i), v.mask(count)), y, i)
    with v.when(count != end):
        mask = v.mask(count - end)
        v.store_masked(v.gather(x, v.load_ints(index, end), mask), y, end, mask)


@task
def gather_blocks(part, parts, x: Rows, y: Rows, x_block, y_block, index: Address, count):
    """The ``count`` elements of all blocks; ``index`` is padded to whole registers."""
    first, last = own_range(part, x_block.size, parts)
    for block in range(first, last):
        gather_row(x.at(0, x_block[block]).address, index, y.at(0, y_block[block]).address, count)


def bind_copy(threads: int, x: FeatureMap, y: FeatureMap, shapes: tuple[Shape, Shape], walks: Sequence[Walk]) -> Bound:
    """The call that copies along ``walks``, one for each dimension of values of two ``shapes``, counted in elements.

    The input may lack some of the first dimensions.
    """
    of_bytes = x.data.itemsize == 1
    words = 1 if of_bytes else x.data.itemsize // 4
    x_steps, y_steps = (_steps(value, shape) for value, shape in zip((x, y), shapes, strict=True))
    x_steps = [0] * (len(walks) - len(x_steps)) + x_steps
    dims = [walk.scaled(i * words, j * words) for walk, i, j in zip(walks, x_steps, y_steps, strict=True)]
    if x.layout == NHWC:
        dims = [dims[0], *dims[2:], dims[1]]
    dims.append(Walk.over(words))
    block = dims.pop()
    while dims and len(dims[-1].x) * len(block.x) <= LARGEST_BLOCK:
        block = dims.pop().around(block)
    blocks = functools.reduce(Walk.around, dims, Walk.over(1))
    rows = ByteRows if of_bytes else Rows
    source, target = rows.of(x), rows.of(y)
    parts = worthwhile(threads, len(blocks.x) * len(block.x))
    x_run, y_run, length = block.runs()
    in_order = np.array_equal(block.y, np.arange(len(block.y)))
    if in_order and len(block.x) < SHORT * len(length):
        lowest = int(block.x.min())
        if of_bytes:
            index = Address.of(block.x - lowest)
            return pick_blocks.bind(parts, source.at(0, lowest), target, *blocks, index, len(block.x))
        index = np.zeros(-(-len(block.x) // LANES) * LANES, np.int32)
        index[: len(block.x)] = block.x - lowest
        return gather_blocks.bind(
            parts, source.at(0, lowest), target, blocks.x, blocks.y, Address.of(index), len(block.x)
        )
    copy = copy_byte_runs if of_bytes else copy_runs
    return copy.bind(parts, source, target, Places(*blocks, x_run, y_run, length))


def _steps(value: FeatureMap, shape: Shape) -> list[int]:
    """From one element of each dimension to the next, in elements."""
    if value.layout == NHWC:
        row = value.w * value.pixel_stride
        return [value.h * row, 1, row, value.pixel_stride]
    if len(shape) == 2:  # whose rows may have gaps between them
        return [value.pixel_stride, 1]
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]
