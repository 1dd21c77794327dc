"""Elements picked along a dimension by indices that are a tensor: index and gather."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import ANY_RANK, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.ops.base import Op, axis
from tinyinfer.ops.dtypes import ANY_DTYPE
from tinyinfer.ops.movement.indexing import Indexed, counted_from_front


@struct
class Blocks(NamedTuple):
    """Blocks of elements, ``per_row`` beside each other before the next row of them begins ``row`` bytes on.

    A block is ``lines`` times ``size`` bytes, ``line`` from one of them to the next.
    """

    address: Address
    per_row: int
    row: int
    lines: int
    line: int
    size: int

    @classmethod
    def of(cls, value: FeatureMap, inner: int) -> Blocks:
        """Blocks of ``inner`` elements, which are one, or whole rows."""
        element = value.data.itemsize
        address, row = Address.of(value.data), value.pixel_stride * element
        if inner == 1:
            return cls(address, value.c, row, 1, 0, element)
        lines = inner // value.c
        return cls(address, 1, lines * row, lines, row, value.c * element)


class Indices(NamedTuple):
    """Rows of indices, and the size of the dimension along which they count."""

    values: np.ndarray
    per_row: int
    stride: int
    size: int


class Table(NamedTuple):
    """How many blocks are picked: parts of ``picked`` each, in which every one of ``lanes`` counts by itself.

    Indices begin anew after ``period`` blocks.
    """

    blocks: int
    picked: int
    lanes: int
    period: int


@inline
def place_of(blocks, number):
    """The address of a block."""
    return blocks.address + number // blocks.per_row * blocks.row + number % blocks.per_row * blocks.size


@inline
def index_of(indices, number):
    """An index counted from the front: -1 where it is out of range."""
    found = indices.values[number // indices.per_row * indices.stride + number % indices.per_row]
    counted = found + indices.size if found < 0 else found
    return counted if 0 <= counted < indices.size else -1


@task
def pick(part, parts, x: Blocks, indices: Indices, y: Blocks, table: Table, outside):
    """y[outer, i, lane] = x[outer, index, lane], a block each; outside[part] becomes 1 where there is none such."""
    first, last = own_range(part, table.blocks, parts)
    for block in range(first, last):
        index = index_of(indices, block % table.period)
        if index < 0:
            outside[part] = 1
        else:
            outer, lane = block // (table.picked * table.lanes), block % table.lanes
            source = place_of(x, (outer * indices.size + index) * table.lanes + lane)
            copy_byte_rows(source, x.line, place_of(y, block), y.line, y.lines, y.size)


class _Picked(Kernel):
    """Copies from where the indices say; those are checked as they are read."""

    name: ClassVar[str] = "blocks"
    dtypes = ANY_DTYPE
    ranks = ANY_RANK
    tolerance = 0.0

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return all(0 not in shape for shape in (*problem.inputs, *problem.outputs))

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    def table(self, size: int, inner: int) -> tuple[Table, int]:
        """How blocks are counted, and elements of one, for a dimension of a size, of ``inner`` elements each."""
        raise NotImplementedError

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x, index), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, Indexed)
        shape = self.problem.inputs[0]
        dim = axis(op.dim, len(shape))
        size, inner = shape[dim], math.prod(shape[dim + 1 :])
        table, elements = self.table(size, inner)
        parts = worthwhile(self.problem.threads, table.blocks * elements)
        outside = np.zeros(parts, np.int64)
        indices = Indices(index.data, index.c, index.pixel_stride, size)
        picked = pick.bind(parts, Blocks.of(x, elements), indices, Blocks.of(y, elements), table, outside)

        def check() -> None:
            if outside.any():
                outside[:] = 0
                counted_from_front(index.logical(self.problem.inputs[1]), size)  # which says what is wrong

        return in_turn([picked, check])


class IndexBlocks(_Picked):
    """All elements behind a place of the dimension are one block."""

    op = "index"

    def table(self, size: int, inner: int) -> tuple[Table, int]:
        picked, elements = math.prod(self.problem.inputs[1]), math.prod(self.problem.outputs[0])
        return Table(elements // inner, picked, 1, picked), inner


class GatherBlocks(_Picked):
    """Every element is a block, where index and input differ along the dimension alone."""

    op = "gather"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Indexed)
        x, index = problem.inputs
        dim = axis(problem.op.dim, len(x))
        return super().applies(problem) and x[:dim] + x[dim + 1 :] == index[:dim] + index[dim + 1 :]

    def table(self, size: int, inner: int) -> tuple[Table, int]:
        blocks, shape = math.prod(self.problem.outputs[0]), self.problem.inputs[0]
        return Table(blocks, blocks * size // math.prod(shape), inner, blocks), 1


KERNELS = (IndexBlocks, GatherBlocks)
