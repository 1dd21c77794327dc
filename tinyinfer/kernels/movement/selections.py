"""Operators whose output is made of the input's elements, picked along each dimension by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import ByteRows, Rows
from tinyinfer.kernels.base import ANY_RANK, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.byte_memory import fill_bytes
from tinyinfer.kernels.codegen.memory import fill_rows
from tinyinfer.kernels.movement.scattered_copy import Walk, bind_copy
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.ops.base import Op, axis
from tinyinfer.ops.dtypes import BYTES
from tinyinfer.ops.movement.joining import Concat, IndexSelect, Split
from tinyinfer.ops.movement.pad import MODES, Pad
from tinyinfer.ops.movement.repeating import Expand, Tile
from tinyinfer.ops.movement.slicing import Slice


class _Selection(Kernel):
    """An output that has for each of its dimensions a walk along the input's, missing first ones counted as 1."""

    name: ClassVar[str] = "places"
    dtypes = ("float32", "int32", "int64", *BYTES)
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return 0 not in problem.inputs[0] and 0 not in problem.outputs[0]

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return None

    def walks(self, x: Shape, y: Shape) -> list[Walk]:
        """What is copied along each dimension, of an input and an output of one rank."""
        raise NotImplementedError

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        source, target = self.problem.inputs[0], self.problem.outputs[0]
        walks = self.walks((*[1] * (len(target) - len(source)), *source), target)
        return bind_copy(self.problem.threads, inputs[0], outputs[0], (source, target), walks)


class SlicePlaces(_Selection):
    """Parts of dimensions, forwards or backwards, with any steps."""

    op = "slice"

    def walks(self, x: Shape, y: Shape) -> list[Walk]:
        assert isinstance(self.problem.op, Slice)
        return [Walk.picking(np.arange(size)[cut]) for size, cut in zip(x, self.problem.op.slices(len(x)), strict=True)]


class TilePlaces(_Selection):
    """Dimensions repeated from their beginning."""

    op = "tile"

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        assert isinstance(op, Tile)
        return ROWS if len(inputs[0]) < len(op.dims) else None

    def walks(self, x: Shape, y: Shape) -> list[Walk]:
        return [Walk.picking(np.arange(out) % size) for size, out in zip(x, y, strict=True)]


class ExpandPlaces(_Selection):
    """Dimensions of size 1 repeated."""

    op = "expand"

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        assert isinstance(op, Expand)
        return ROWS if len({*map(len, (*inputs, op.size))}) > 1 else None

    def walks(self, x: Shape, y: Shape) -> list[Walk]:
        return [Walk.picking(np.arange(out) % size) for size, out in zip(x, y, strict=True)]


class IndexSelectPlaces(_Selection):
    """Entries of one dimension in any order."""

    op = "index_select"

    def walks(self, x: Shape, y: Shape) -> list[Walk]:
        assert isinstance(self.problem.op, IndexSelect)
        walks = [Walk.over(size) for size in x]
        walks[axis(self.problem.op.dim, len(x))] = Walk.picking(np.array(self.problem.op.index))
        return walks


class PadPlaces(_Selection):
    """Dimensions continued as the mode says, or what is left of them in a value full of a constant."""

    op = "pad"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Pad)
        filled = problem.op.mode == "constant" and problem.op.value != 0
        return super().applies(problem) and not (filled and problem.dtypes & {"int32", "int64"})

    def walks(self, x: Shape, y: Shape) -> list[Walk]:
        assert isinstance(self.problem.op, Pad)
        walks = []
        for size, (before, after) in zip(x, self.problem.op.widths(len(x)), strict=True):
            kept = np.arange(size)[max(-before, 0) : size - max(-after, 0)]
            before, after = max(before, 0), max(after, 0)
            if self.problem.op.mode == "constant":
                walks.append(Walk(kept, np.arange(len(kept)) + before))
            else:
                mode: Any = MODES[self.problem.op.mode]
                walks.append(Walk.picking(np.pad(kept, (before, after), mode=mode)))
        return walks

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        copy, y, op = super().bind(inputs, outputs, workspace), outputs[0], self.problem.op
        assert isinstance(op, Pad)
        if op.mode != "constant":
            return copy
        threads = worthwhile(self.problem.threads, y.pixels * y.c)
        if y.data.itemsize == 1:
            code = int(np.array(op.value).astype(y.data.dtype).view(np.uint8))
            return in_turn([fill_codes.bind(threads, code, ByteRows.of(y), y.pixels, y.c), copy])
        words = y.data.itemsize // 4
        target = Rows.of(y)._replace(stride=y.pixel_stride * words)
        return in_turn([fill.bind(threads, np.float32(op.value), target, y.pixels, y.c * words), copy])


class _Joined(_Selection):
    """Values side by side along any dimension: all of each part, and its place in the whole."""

    def copies(self, whole: FeatureMap, parts: Sequence[FeatureMap], *, split: bool) -> Bound:
        """The calls that copy the parts into the whole, or out of it."""
        problem, calls, start = self.problem, [], 0
        shape, shapes = (problem.inputs[0], problem.outputs) if split else (problem.outputs[0], problem.inputs)
        assert isinstance(problem.op, Concat | Split)
        at = axis(problem.op.dim, len(shape))
        for part, size in zip(parts, shapes, strict=True):
            walks = [Walk.over(side) for side in size]
            own = walks[at].x
            walks[at] = Walk(own + start, own) if split else Walk(own, own + start)
            pair, both = ((whole, part), (shape, size)) if split else ((part, whole), (size, shape))
            calls.append(bind_copy(problem.threads, *pair, both, walks))
            start += size[at]
        return in_turn(calls)


class ConcatPlaces(_Joined):
    """Parts that become one value."""

    op = "concat"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        return self.copies(outputs[0], inputs, split=False)


class SplitPlaces(_Joined):
    """Parts of one value."""

    op = "split"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        return self.copies(inputs[0], outputs, split=True)


@task
def fill(part, parts, value, y: Rows, rows, count):
    """A number in all rows of ``count`` floats."""
    p0, p1 = own_range(part, rows, parts)
    fill_rows(value, y.at(p0).address, y.stride, p1 - p0, count)


@task
def fill_codes(part, parts, code, y: ByteRows, rows, count):
    """A byte in all rows of ``count`` of them."""
    p0, p1 = own_range(part, rows, parts)
    for p in range(p0, p1):
        fill_bytes(code, y.at(p).address, count)


KERNELS = (SlicePlaces, TilePlaces, ExpandPlaces, IndexSelectPlaces, PadPlaces, ConcatPlaces, SplitPlaces)
