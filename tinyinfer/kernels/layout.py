"""Copies: between NCHW and NHWC at the borders of a network, and the operators that only move data.

Each is described by plain strides, so a few loops serve them all: copy, fill, interleave, transpose.  Rows
of pixels are dealt out as elsewhere, so that each core copies what it has written.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.kernels.base import NHWC, ROWS, Bound, FeatureMap, Kernel, Layout, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.interleave import interleave_3
from tinyinfer.kernels.jit import inline
from tinyinfer.kernels.memory import copy_rows, fill_rows
from tinyinfer.kernels.parts import own_range, own_units, worthwhile
from tinyinfer.kernels.simd import Vectors, vector_function
from tinyinfer.kernels.task import in_turn, task
from tinyinfer.ops.base import Op
from tinyinfer.ops.joining import Concat, Split
from tinyinfer.ops.pad import Pad
from tinyinfer.ops.views import Flatten


@vector_function(x="address", x_stride="int", rows="int", columns="int", y="address", y_stride="int")
def transpose_block(v, x, x_stride, rows, columns, y, y_stride):
    """y[j * y_stride + i] = x[i * x_stride + j], for at most LANES of each: in registers where all rows are there."""
    with v.either(rows == LANES) as (whole, partial):
        with whole:
            mask = v.mask(columns)
            lines = v.transpose([v.load_masked(x, x_stride * i, mask) for i in range(LANES)])
            for j, line in enumerate(lines):
                with v.when(columns > j):
                    v.store(line, y, y_stride * j)
        with partial:
            scalars = Vectors(v.builder, lanes=1)
            with v.loop(columns) as j, v.loop(rows) as i:
                scalars.store(scalars.load(x, i * x_stride + j), y, j * y_stride + i)


@inline
def transpose(x, x_stride, rows, columns, y, y_stride):
    """y[j * y_stride + i] = x[i * x_stride + j], block by block."""
    for i in range(0, rows, LANES):
        for j in range(0, columns, LANES):
            transpose_block(
                x + (i * x_stride + j) * 4, x_stride, min(LANES, rows - i), min(LANES, columns - j),
                y + (j * y_stride + i) * 4, y_stride,
            )  # fmt: skip


@inline
def pixels_of_planes(x, c, pixels, y, y_stride, p0, p1):
    """Pixels p0 .. p1 of an image of c planes; x and y are addresses."""
    x, y, plane = x + p0 * 4, y + p0 * y_stride * 4, pixels * 4
    if c == 3 and y_stride == 3:
        interleave_3(x, 0, x + plane, 0, x + 2 * plane, 0, y, 0, 1, p1 - p0)
    else:
        transpose(x, pixels, c, p1 - p0, y, y_stride)


@task
def to_nhwc(part, parts, given, n, c, pixels, y, y_stride):
    """n images of c planes of ``pixels`` floats into pixels of c floats; given[0] is the address of the planes."""
    p0, p1 = own_range(part, n * pixels, parts)
    for image in range(p0 // pixels, -(-p1 // pixels)):
        source, target = given[0] + image * c * pixels * 4, y.ctypes.data + image * pixels * y_stride * 4
        first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
        pixels_of_planes(source, c, pixels, target, y_stride, first, last)


@inline
def planes_of_pixels(part, parts, x, x_stride, n, c, pixels, y, y_image):
    """A part of n images of c planes of ``pixels`` floats, y_image floats apart, from pixels of c floats."""
    p0, p1 = own_units(part, n * pixels, LANES, parts)
    for image in range(p0 // pixels, -(-p1 // pixels)):
        first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
        source = x.ctypes.data + (image * pixels + first) * x_stride * 4
        transpose(source, x_stride, last - first, c, y + (image * y_image + first) * 4, pixels)


@task
def to_nchw(part, parts, x, x_stride, n, c, pixels, y, y_image):
    """The way back."""
    planes_of_pixels(part, parts, x, x_stride, n, c, pixels, y.ctypes.data, y_image)


@task
def to_given_planes(part, parts, x, x_stride, n, c, pixels, given):
    """The way back, to the address given[0]."""
    planes_of_pixels(part, parts, x, x_stride, n, c, pixels, given[0], c * pixels)


@task
def copy(part, parts, x, x_stride, rows, channels, y, y_stride):
    """Rows of ``channels`` floats."""
    p0, p1 = own_range(part, rows, parts)
    copy_rows(
        x.ctypes.data + p0 * x_stride * 4, x_stride, y.ctypes.data + p0 * y_stride * 4, y_stride, p1 - p0, channels
    )


@task
def pad_rows(part, parts, x, x_stride, size, first, y, y_stride, out_size, to, copied, value):
    """Fill the output with ``value``, then copy (c, h, w) floats of every image from ``first`` to place ``to``."""
    n, _, h, w = size
    out_c, out_h, out_w = out_size
    fill_rows(value, y.ctypes.data, y_stride, n * out_h * out_w, out_c)
    for image in range(n):
        for i in range(copied[1]):
            source = ((image * h + first[1] + i) * w + first[2]) * x_stride + first[0]
            target = ((image * out_h + to[1] + i) * out_w + to[2]) * y_stride + to[0]
            copy_rows(x.ctypes.data + source * 4, x_stride, y.ctypes.data + target * 4, y_stride, copied[2], copied[0])


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
    return copy.bind(
        threads, source.data, source.pixel_stride, source.pixels, source.c, target.data, target.pixel_stride
    )


class _Copy(Kernel):
    name = "copy"


class _ChannelCopy(_Copy):
    """Along the channels of images or of rows."""

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Concat | Split)
        rank = len(problem.inputs[0])
        return rank in (2, 4) and problem.op.dim % rank == 1

    def copies(self, sources: Sequence[FeatureMap], targets: Sequence[FeatureMap]) -> Bound:
        """The call that copies each of some feature maps to its target."""
        return in_turn([*map(partial(bind_copy, self.problem.threads), sources, targets)])


class ConcatCopy(_ChannelCopy):
    """Concatenation of channels, where the layout could not place the inputs side by side."""

    op = "concat"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        return self.copies(inputs, channel_slices(outputs[0], inputs))


class SplitCopy(_ChannelCopy):
    """Groups of channels, where the layout could not let the readers look into the input."""

    op = "split"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        return self.copies(channel_slices(inputs[0], outputs), outputs)


class PadCopy(_Copy):
    """Constant rows, columns and channels around images; negative ones cut off."""

    op = "pad"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Pad)
        return problem.op.mode == "constant" and len(problem.inputs[0]) == 4

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        op, (x,), (y,) = self.problem.op, inputs, outputs
        assert isinstance(op, Pad)
        pad = (0,) * (6 - len(op.pad)) + op.pad
        before, after, sides = pad[::2], pad[1::2], (x.c, x.h, x.w)
        first, to = (tuple(max(sign * b, 0) for b in before) for sign in (-1, 1))
        copied = tuple(s + min(b, 0) + min(a, 0) for s, b, a in zip(sides, before, after, strict=True))
        return pad_rows.bind(
            1, x.data, x.pixel_stride, (x.n, *sides), first, y.data, y.pixel_stride, (y.c, y.h, y.w), to, copied,
            np.float32(op.value),
        )  # fmt: skip


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

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        threads = worthwhile(self.problem.threads, x.pixels * x.c)
        if x.layout == ROWS:
            return bind_copy(threads, x._replace(n=y.n, c=y.c, pixel_stride=y.c), y)
        return to_nchw.bind(threads, x.data, x.pixel_stride, x.n, x.c, x.h * x.w, y.data, y.pixel_stride)


class JoinPixelsCopy(_Copy):
    """Pixels one after the other, as they lie but for what lies between them: image by image, and map by map."""

    op = "join_pixels"
    ranks = (3, 4)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        copies, data = [], outputs[0].data
        for image, x in itertools.product(range(inputs[0].n), inputs):
            pixels = x.h * x.w
            source = x._replace(data=x.data[image * pixels * x.pixel_stride :], n=1)
            target = FeatureMap.place(data, (1, x.c, x.h, x.w), pixel_stride=x.c)
            copies.append(bind_copy(worthwhile(self.problem.threads, pixels * x.c), source, target))
            data = data[pixels * x.c :]
        return in_turn(copies)


class RelayoutCopy(_Copy):
    """Images as rows or rows as images: what is NCHW to NumPy, and back."""

    op = "relayout"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        threads = worthwhile(self.problem.threads, x.pixels * x.c)
        if x.layout == y.layout:
            return bind_copy(threads, x, y)
        if x.layout == NHWC:
            size = x.c * x.h * x.w
            return to_nchw.bind(threads, x.data, x.pixel_stride, x.n, x.c, x.h * x.w, y.data, size)
        return to_nhwc.bind(threads, np.array([x.data.ctypes.data]), y.n, y.c, y.h * y.w, y.data, y.pixel_stride)


KERNELS = (ConcatCopy, SplitCopy, PadCopy, FlattenCopy, JoinPixelsCopy, RelayoutCopy)
