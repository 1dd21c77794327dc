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
from tinyinfer.kernels.arguments.operands import Address
from tinyinfer.kernels.base import NHWC, Bound, FeatureMap
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.movement.byte_shuffles import pick_bytes
from tinyinfer.kernels.movement.elements import FLOAT, Elements, elements_of, for_each_size
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import Task, task_of

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


def make_copy_runs(elements: Elements) -> Task:
    """The runs of all blocks, dealt out one by one."""
    copy_rows = elements.copy

    @task_of(x=elements.rows, y=elements.rows)
    def copy_runs(part, parts, x, y, places: Places):
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

    return copy_runs


@vector_function(x="address", index="address", y="address", count="int")
def gather_row(v, x, index, y, count):
    """y[i] = x[index[i]]."""
    end = count // LANES * LANES
    with v.loop(end, LANES) as i:
        v.store(v.gather(x, v.load_ints(index, i), v.mask(count)), y, i)
    with v.when(count != end):
        mask = v.mask(count - end)
        v.store_masked(v.gather(x, v.load_ints(index, end), mask), y, end, mask)


def make_gather(elements: Elements) -> Task:
    """The ``count`` elements of all blocks, each from where ``index`` says; see `_index_of`."""
    gather = gather_row if elements is FLOAT else pick_bytes

    @task_of(x=elements.rows, y=elements.rows)
    def gather_blocks(part, parts, x, y, x_block, y_block, index: Address, count):
        first, last = own_range(part, x_block.size, parts)
        for block in range(first, last):
            gather(x.at(0, x_block[block]).address, index, y.at(0, y_block[block]).address, count)

    return gather_blocks


COPY_RUNS, GATHER = for_each_size(make_copy_runs), for_each_size(make_gather)


def _index_of(elements: Elements, places: np.ndarray) -> Address:
    """The places of a row as what gathers them reads these: floats in registers, 32 bits a place, or in 64 bits."""
    if elements is not FLOAT:
        return Address.of(places)
    index = np.zeros(-(-len(places) // LANES) * LANES, np.int32)
    index[: len(places)] = places
    return Address.of(index)


def bind_copy(threads: int, x: FeatureMap, y: FeatureMap, shapes: tuple[Shape, Shape], walks: Sequence[Walk]) -> Bound:
    """The call that copies along ``walks``, one for each dimension of values of two ``shapes``, counted in elements.

    The input may lack some of the first dimensions.
    """
    elements = elements_of(x)
    words = x.data.itemsize // elements.size
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
    source, target = elements.rows.of(x), elements.rows.of(y)
    parts = worthwhile(threads, len(blocks.x) * len(block.x))
    x_run, y_run, length = block.runs()
    in_order = np.array_equal(block.y, np.arange(len(block.y)))
    if in_order and len(block.x) < SHORT * len(length):
        lowest = int(block.x.min())
        index = _index_of(elements, block.x - lowest)
        return GATHER[elements.size].bind(parts, source.at(0, lowest), target, *blocks, index, len(block.x))
    return COPY_RUNS[elements.size].bind(parts, source, target, Places(*blocks, x_run, y_run, length))


def _steps(value: FeatureMap, shape: Shape) -> list[int]:
    """From one element of each dimension to the next, in elements."""
    if value.layout == NHWC:
        row = value.w * value.pixel_stride
        return [value.h * row, 1, row, value.pixel_stride]
    if len(shape) == 2:  # whose rows may have gaps between them
        return [value.pixel_stride, 1]
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]
