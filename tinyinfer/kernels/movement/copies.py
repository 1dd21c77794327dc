"""Operators that move rows of elements as they are: joins, cuts, and other views of the same numbers.

Rows of pixels are dealt out as elsewhere, so that each core copies what it has written.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.movement.borders import bind_to_images, bind_to_planes, fixed_address
from tinyinfer.kernels.movement.elements import Elements, elements_of, for_each_size
from tinyinfer.kernels.parallel.parts import own_range, worthwhile
from tinyinfer.kernels.parallel.task import Task, in_turn, task_of
from tinyinfer.ops.base import Op
from tinyinfer.ops.dtypes import BYTES
from tinyinfer.ops.movement.joining import Concat, Split
from tinyinfer.ops.movement.views import Flatten


def make_copy(elements: Elements) -> Task:
    """Rows of ``channels`` elements."""
    copy_rows = elements.copy

    @task_of(x=elements.rows, y=elements.rows)
    def copy(part, parts, x, rows, channels, y):
        p0, p1 = own_range(part, rows, parts)
        source, target = x.at(p0), y.at(p0)
        copy_rows(source.address, source.stride, target.address, target.stride, p1 - p0, channels)

    return copy


COPY = for_each_size(make_copy)


def channel_slices(whole: FeatureMap, parts: Sequence[FeatureMap]) -> list[FeatureMap]:
    """The channels of a feature map, where they lie, that each of its parts stands for."""
    slices, start = [], 0
    for part in parts:
        length = (whole.pixels - 1) * whole.pixel_stride + part.c
        slices.append(whole._replace(data=whole.data[start : start + length], c=part.c))
        start += part.c
    return slices


def bind_copy(threads: int, x: FeatureMap, y: FeatureMap) -> Bound:
    """The call that copies a feature map to another of its shape."""
    elements = elements_of(x)
    return COPY[elements.size].bind(threads, elements.rows.of(x), x.pixels, x.c, elements.rows.of(y))


def bind_to_rows(threads: int, x: FeatureMap, y: FeatureMap) -> Bound:
    """The call that copies images to numbers in NCHW order, to rows of one image each if y is a matrix."""
    image_stride = y.pixel_stride if y.n == x.n and y.c == x.c * x.h * x.w else 0
    return bind_to_planes(threads, x, fixed_address(y.data), image_stride)


class _Copy(Kernel):
    name = "copy"
    dtypes = ("float32", *BYTES)


class _ChannelCopy(_Copy):
    """Along the channels of images or of rows, or along any dimension of values of other ranks."""

    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Concat | Split)
        rank = len(problem.inputs[0])
        return problem.op.dim % rank == 1 if rank in (2, 4) else True

    def as_rows(self, maps: Sequence[FeatureMap]) -> list[FeatureMap]:
        """Maps whose channels are to be joined: other ranks have no gaps, so that what lies behind ``dim`` is a row."""
        op, shape = self.problem.op, self.problem.inputs[0]
        assert isinstance(op, Concat | Split)
        if len(shape) in (2, 4):
            return [*maps]
        rows = math.prod(shape[: op.dim % len(shape)])
        widths = [x.pixels * x.c // rows for x in maps]
        return [x._replace(n=rows, c=c, pixel_stride=c) for x, c in zip(maps, widths, strict=True)]

    def copies(self, sources: Sequence[FeatureMap], targets: Sequence[FeatureMap]) -> Bound:
        """The call that copies each of some feature maps to its target."""
        return in_turn([*map(partial(bind_copy, self.problem.threads), sources, targets)])


class ConcatCopy(_ChannelCopy):
    """Concatenation of channels, where the layout could not place the inputs side by side."""

    op = "concat"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        parts, (whole,) = self.as_rows(inputs), self.as_rows(outputs)
        return self.copies(parts, channel_slices(whole, parts))


class SplitCopy(_ChannelCopy):
    """Groups of channels, where the layout could not let the readers look into the input."""

    op = "split"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (whole,), parts = self.as_rows(inputs), self.as_rows(outputs)
        return self.copies(channel_slices(whole, parts), parts)


class FlattenCopy(_Copy):
    """Images as rows of numbers in NCHW order, which weights of linear layers expect."""

    op = "flatten"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Flatten)
        return len(problem.inputs[0]) == 4 and problem.op.start_dim % 4 == 1 and problem.op.end_dim % 4 == 3

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return None

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        threads = worthwhile(self.problem.threads, x.pixels * x.c)
        if x.layout == ROWS:
            return bind_copy(threads, x._replace(n=y.n, c=y.c, pixel_stride=y.c), y)
        return bind_to_rows(threads, x, y)


class _ViewCopy(_Copy):
    """The same numbers in another shape, where the layout could not let the reader look at them as they lie."""

    dtypes = ("float32", "int32", *BYTES)
    ranks = ANY_RANK

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        return ROWS

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y = inputs[0], outputs[0]
        threads = worthwhile(self.problem.threads, x.pixels * x.c)
        if x.pixel_stride == x.c:  # nothing lies between its rows, so that they can be cut as those of the output are
            return bind_copy(threads, x._replace(n=y.n, c=y.c, pixel_stride=y.c), y)
        if y.pixel_stride == y.c:
            return bind_copy(threads, x, y._replace(n=x.n, c=x.c, pixel_stride=x.c))
        length = math.gcd(x.c, y.c)
        pieces = range(0, x.n * x.c, length)
        return in_turn([bind_copy(1, _piece(x, at, length), _piece(y, at, length)) for at in pieces])


def _piece(rows: FeatureMap, at: int, length: int) -> FeatureMap:
    """``length`` numbers of a row, from that on that is number ``at`` among those of all rows."""
    start = at // rows.c * rows.pixel_stride + at % rows.c
    return FeatureMap.place(rows.data[start:], (1, length), length)


class ReshapeCopy(_ViewCopy):
    """Any shape."""

    op = "reshape"


class ReshapeAsCopy(_ViewCopy):
    """The shape of another value."""

    op = "reshape_as"


class SqueezeCopy(_ViewCopy):
    """Fewer dimensions."""

    op = "squeeze"


class UnsqueezeCopy(_ViewCopy):
    """More dimensions."""

    op = "unsqueeze"


class JoinPixelsCopy(_Copy):
    """Pixels one after the other, as they lie but for what lies between them: image by image, and map by map."""

    op = "join_pixels"
    ranks = (3, 4)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        copies, data = [], outputs[0].data
        for image, x in itertools.product(range(inputs[0].n), inputs):
            pixels = x.h * x.w
            source = x._replace(data=x.data[image * pixels * x.pixel_stride :], n=1)
            target = FeatureMap.place(data, (1, x.c, x.h, x.w), pixel_stride=x.c)
            copies.append(bind_copy(worthwhile(self.problem.threads, pixels * x.c), source, target))
            data = data[pixels * x.c :]
        return in_turn(copies)


class PixelsToImagesCopy(_Copy):
    """The way back for one map: rows of channels are its pixels as they lie, but for what comes between them."""

    op = "pixels_to_images"
    ranks = (3, 4)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        return bind_copy(worthwhile(self.problem.threads, x.pixels * x.c), x, y)


class RelayoutCopy(_Copy):
    """Images as rows or rows as images: what is NCHW to NumPy, and back."""

    op = "relayout"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        threads = worthwhile(self.problem.threads, x.pixels * x.c)
        if x.layout == y.layout:
            return bind_copy(threads, x, y)
        if x.layout == NHWC:
            return bind_to_rows(threads, x, y)
        return bind_to_images(threads, fixed_address(x.data), y)


VIEWS = (FlattenCopy, ReshapeCopy, ReshapeAsCopy, SqueezeCopy, UnsqueezeCopy)
KERNELS = (ConcatCopy, SplitCopy, *VIEWS, JoinPixelsCopy, PixelsToImagesCopy, RelayoutCopy)
