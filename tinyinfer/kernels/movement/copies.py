"""Copies: between NCHW and NHWC at the borders of a network, and the operators that only move data.

Each is described by plain strides, so a few loops serve them all: copy, interleave, transpose.  Rows
of pixels are dealt out as elsewhere, so that each core copies what it has written.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.operands import Address, ByteRows, Rows
from tinyinfer.kernels.base import ANY_RANK, NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.memory import copy_rows
from tinyinfer.kernels.codegen.simd import Vectors, vector_function
from tinyinfer.kernels.movement.byte_order import bytes_to_nchw, bytes_to_nhwc
from tinyinfer.kernels.movement.interleave import interleave_3
from tinyinfer.kernels.parallel.parts import own_range, own_units, worthwhile
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.ops.base import Op
from tinyinfer.ops.dtypes import BYTES
from tinyinfer.ops.movement.joining import Concat, Split
from tinyinfer.ops.movement.views import Flatten


@vector_function(x=Rows, rows="int", columns="int", y=Rows)
def transpose_block(v, x, rows, columns, y):
    """y[j, i] = x[i, j], for at most LANES of each: in registers where all rows are there."""
    with v.either(rows == LANES) as (whole, partial):
        with whole:
            mask = v.mask(columns)
            lines = v.transpose([v.load_masked(x.address, x.stride * i, mask) for i in range(LANES)])
            for j, line in enumerate(lines):
                with v.when(columns > j):
                    v.store(line, y.address, y.stride * j)
        with partial:
            scalars = Vectors(v.builder, lanes=1)
            with v.loop(columns) as j, v.loop(rows) as i:
                scalars.store(scalars.load(x.address, i * x.stride + j), y.address, j * y.stride + i)


@inline
def transpose(x, rows, columns, y):
    """y[j, i] = x[i, j], block by block."""
    for i in range(0, rows, LANES):
        for j in range(0, columns, LANES):
            transpose_block(x.at(i, j), min(LANES, rows - i), min(LANES, columns - j), y.at(j, i))


@inline
def pixels_of_planes(x, c, y, count):
    """``count`` pixels of an image whose c planes are the rows of x."""
    if c == 3 and y.stride == 3:
        interleave_3(x, x.at(1), x.at(2), y, 1, count)
    else:
        transpose(x, c, count, y)


@task
def to_nhwc(part, parts, given, n, c, pixels, y: Rows):
    """n images of c planes of ``pixels`` floats into pixels of c floats; given[0] is the address of the planes."""
    p0, p1 = own_range(part, n * pixels, parts)
    planes = Rows(given[0], pixels)
    for image in range(p0 // pixels, -(-p1 // pixels)):
        first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
        pixels_of_planes(planes.at(image * c, first), c, y.at(image * pixels + first), last - first)


@inline
def planes_of_pixels(part, parts, x, n, c, pixels, y, y_image):
    """A part of n images of c planes of ``pixels`` floats, y_image floats apart, from pixels of c floats."""
    p0, p1 = own_units(part, n * pixels, LANES, parts)
    for image in range(p0 // pixels, -(-p1 // pixels)):
        first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
        transpose(x.at(image * pixels + first), last - first, c, Rows(y + (image * y_image + first) * 4, pixels))


@task
def to_nchw(part, parts, x: Rows, n, c, pixels, y: Rows):
    """The way back, to rows of c * ``pixels`` floats, one an image."""
    planes_of_pixels(part, parts, x, n, c, pixels, y.address, y.stride)


@task
def to_given_planes(part, parts, x: Rows, n, c, pixels, given):
    """The way back, to the address given[0]."""
    planes_of_pixels(part, parts, x, n, c, pixels, given[0], c * pixels)


@task
def copy(part, parts, x: Rows, rows, channels, y: Rows):
    """Rows of ``channels`` floats."""
    p0, p1 = own_range(part, rows, parts)
    source, target = x.at(p0), y.at(p0)
    copy_rows(source.address, source.stride, target.address, target.stride, p1 - p0, channels)


@task
def copy_bytes(part, parts, x: ByteRows, rows, channels, y: ByteRows):
    """Rows of ``channels`` bytes."""
    p0, p1 = own_range(part, rows, parts)
    source, target = x.at(p0), y.at(p0)
    copy_byte_rows(source.address, source.stride, target.address, target.stride, p1 - p0, channels)


def channel_slices(whole: FeatureMap, parts: Sequence[FeatureMap]) -> list[FeatureMap]:
    """The channels of a feature map, where they lie, that each of its parts stands for."""
    slices, start = [], 0
    for part in parts:
        length = (whole.pixels - 1) * whole.pixel_stride + part.c
        slices.append(whole._replace(data=whole.data[start : start + length], c=part.c))
        start += part.c
    return slices


def bind_copy(threads: int, source: FeatureMap, target: FeatureMap) -> Bound:
    """The call that copies a feature map to another of its shape."""
    if source.data.itemsize == 1:
        return copy_bytes.bind(threads, ByteRows.of(source), source.pixels, source.c, ByteRows.of(target))
    return copy.bind(threads, Rows.of(source), source.pixels, source.c, Rows.of(target))


def bind_to_rows(threads: int, x: FeatureMap, y: FeatureMap) -> Bound:
    """The call that copies images to numbers in NCHW order, to rows of one image each if y is a matrix."""
    image = y.pixel_stride if y.n == x.n and y.c == x.c * x.h * x.w else x.c * x.h * x.w
    if x.data.itemsize == 1:
        address = np.array([y.data.ctypes.data])
        return bytes_to_nchw.bind(threads, ByteRows.of(x), x.n, x.c, x.h * x.w, address, image)
    return to_nchw.bind(threads, Rows.of(x), x.n, x.c, x.h * x.w, Rows(Address.of(y.data), image))


def bind_to_planes(threads: int, x: FeatureMap, address: np.ndarray) -> Bound:
    """The call that copies images to planes at the address that the array holds."""
    if x.data.itemsize == 1:
        size = x.h * x.w
        return bytes_to_nchw.bind(threads, ByteRows.of(x), x.n, x.c, size, address, x.c * size)
    return to_given_planes.bind(threads, Rows.of(x), x.n, x.c, x.h * x.w, address)


def bind_to_images(threads: int, address: np.ndarray, y: FeatureMap) -> Bound:
    """The way back."""
    size = (y.n, y.c, y.h * y.w)
    if y.data.itemsize == 1:
        return bytes_to_nhwc.bind(threads, address, *size, ByteRows.of(y))
    return to_nhwc.bind(threads, address, *size, Rows.of(y))


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
        return bind_to_images(threads, np.array([x.data.ctypes.data]), y)


VIEWS = (FlattenCopy, ReshapeCopy, ReshapeAsCopy, SqueezeCopy, UnsqueezeCopy)
KERNELS = (ConcatCopy, SplitCopy, *VIEWS, JoinPixelsCopy, PixelsToImagesCopy, RelayoutCopy)
