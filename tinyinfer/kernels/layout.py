"""Copies: between NCHW and NHWC at the borders of a network, and the operators that only move data.

Each is described by plain strides, so a few loops serve them all: copy, fill, interleave, transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.jit import inline, jit
from tinyinfer.kernels.memory import copy_rows, fill_rows
from tinyinfer.kernels.simd import LANES, Vectors, vector_function
from tinyinfer.ops.channel_shuffle import ChannelShuffle
from tinyinfer.ops.joining import Concat, IndexSelect, Split
from tinyinfer.ops.pad import Pad
from tinyinfer.ops.views import Flatten

BLOCK = 16  # pixels and channels transposed at a time: 16 cache lines on each side


def make_interleave(streams: int) -> Any:
    """``streams`` runs of floats, ``x_stream`` apart, dealt out one float at a time, in every row."""

    @vector_function(
        x="address", x_stride="int", x_stream="int", y="address", y_stride="int", rows="int", blocks="int", rest="int"
    )
    def interleave(v, x, x_stride, x_stream, y, y_stride, rows, blocks, rest):
        with v.loop(rows) as row:
            with v.loop(blocks) as block:
                vectors = [v.load(x, row * x_stride + x_stream * i + block * LANES) for i in range(streams)]
                for j, vector in enumerate(v.interleave(vectors)):
                    v.store(vector, y, row * y_stride + (block * streams + j) * LANES)
            with v.when(rest != 0):
                mask, end = v.mask(rest), blocks * LANES
                vectors = [v.load_masked(x, row * x_stride + x_stream * i + end, mask) for i in range(streams)]
                for j, vector in enumerate(v.interleave(vectors)):
                    last = v.mask(rest * streams - j * LANES)
                    v.store_masked(vector, y, row * y_stride + end * streams + j * LANES, last)

    return interleave


interleave_2, interleave_3 = make_interleave(2), make_interleave(3)


@vector_function(x="address", x_stride="int", rows="int", columns="int", y="address", y_stride="int")
def transpose_block(v, x, x_stride, rows, columns, y, y_stride):
    """y[j * y_stride + i] = x[i * x_stride + j], one float at a time."""
    scalars = Vectors(v.builder, lanes=1)
    with v.loop(columns) as j, v.loop(rows) as i:
        scalars.store(scalars.load(x, i * x_stride + j), y, j * y_stride + i)


@inline
def transpose(x, x_stride, rows, columns, y, y_stride):
    """y[j * y_stride + i] = x[i * x_stride + j], block by block so that both sides stay in L1."""
    for i in range(0, rows, BLOCK):
        for j in range(0, columns, BLOCK):
            transpose_block(
                x + (i * x_stride + j) * 4, x_stride, min(BLOCK, rows - i), min(BLOCK, columns - j),
                y + (j * y_stride + i) * 4, y_stride,
            )  # fmt: skip


@jit
def to_nhwc(x, n, c, pixels, y, y_stride):
    """n images of c planes of ``pixels`` floats into pixels of c floats, ``y_stride`` apart."""
    for image in range(n):
        source, target = x.ctypes.data + image * c * pixels * 4, y.ctypes.data + image * pixels * y_stride * 4
        if c == 3 and y_stride == 3:
            interleave_3(source, 0, pixels, target, 0, 1, pixels // LANES, pixels % LANES)
        else:
            transpose(source, pixels, c, pixels, target, y_stride)


@jit
def to_nchw(x, x_stride, n, c, pixels, y):
    """The way back; y is contiguous."""
    for image in range(n):
        source = x.ctypes.data + image * pixels * x_stride * 4
        transpose(source, x_stride, pixels, c, y.ctypes.data + image * c * pixels * 4, pixels)


@jit
def copy(x, x_stride, rows, channels, y, y_stride):
    """Rows of ``channels`` floats."""
    copy_rows(x.ctypes.data, x_stride, y.ctypes.data, y_stride, rows, channels)


@jit
def shuffle_rows(x, x_stride, rows, groups, channels, y, y_stride):
    """y[k * groups + g] = x[g * channels + k] in every row."""
    source, target, blocks, rest = x.ctypes.data, y.ctypes.data, channels // LANES, channels % LANES
    if groups == 2:
        interleave_2(source, x_stride, channels, target, y_stride, rows, blocks, rest)
    elif groups == 3:
        interleave_3(source, x_stride, channels, target, y_stride, rows, blocks, rest)
    else:
        for i in range(rows):
            transpose(source + i * x_stride * 4, channels, groups, channels, target + i * y_stride * 4, groups)


@jit
def select_rows(x, x_stride, rows, index, y, y_stride):
    """y[i] = x[index[i]] in every row."""
    for row in range(rows):
        for i in range(index.size):
            y[row * y_stride + i] = x[row * x_stride + index[i]]


@jit
def pad_rows(x, x_stride, size, first, y, y_stride, out_size, to, copied, value):
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


def bind_copy(source: FeatureMap, target: FeatureMap) -> Bound:
    """The call that copies a feature map to another of its shape."""
    rows, channels = source.pixels, source.c
    if source.pixel_stride == target.pixel_stride == channels:
        rows, channels = 1, rows * channels
    return partial(copy, source.data, source.pixel_stride, rows, channels, target.data, target.pixel_stride)


def in_turn(calls: Sequence[Bound]) -> Bound:
    """One call for several."""

    def run() -> None:
        for call in calls:
            call()

    return run


class _Copy(Kernel):
    name = "copy"


class _ChannelCopy(_Copy):
    """Along the channels of images or of rows."""

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Concat | Split)
        rank = len(problem.inputs[0])
        return rank in (2, 4) and problem.op.dim % rank == 1


class ConcatCopy(_ChannelCopy):
    """Concatenation of channels, where the layout could not place the inputs side by side."""

    op = "concat"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        return in_turn([*map(bind_copy, inputs, channel_slices(outputs[0], inputs))])


class SplitCopy(_ChannelCopy):
    """Groups of channels, where the layout could not let the readers look into the input."""

    op = "split"

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        return in_turn([*map(bind_copy, channel_slices(inputs[0], outputs), outputs)])


class ChannelShuffleCopy(_Copy):
    """A transposition within every pixel."""

    op = "channel_shuffle"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) in (2, 4)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, ChannelShuffle)
        (x,), (y,), groups = inputs, outputs, self.problem.op.groups
        return partial(
            shuffle_rows, x.data, x.pixel_stride, x.pixels, groups, x.c // groups, y.data, y.pixel_stride
        )  # fmt: skip


class IndexSelectCopy(_Copy):
    """Any channels in any order, pixel by pixel."""

    op = "index_select"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, IndexSelect)
        rank = len(problem.inputs[0])
        return rank in (2, 4) and problem.op.dim % rank == 1

    @classmethod
    def pack(cls, problem: Problem) -> np.ndarray:
        assert isinstance(problem.op, IndexSelect)
        return np.array(problem.op.index, np.int64)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        return partial(select_rows, x.data, x.pixel_stride, x.pixels, self.packed, y.data, y.pixel_stride)


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
        return partial(
            pad_rows, x.data, x.pixel_stride, (x.n, *sides), first, y.data, y.pixel_stride, (y.c, y.h, y.w), to, copied,
            np.float32(op.value),
        )  # fmt: skip


class FlattenCopy(_Copy):
    """Images as rows of numbers in NCHW order, which weights of linear layers expect."""

    op = "flatten"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, Flatten)
        return len(problem.inputs[0]) == 4 and problem.op.start_dim % 4 == 1 and problem.op.end_dim % 4 == 3

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        (x,), (y,) = inputs, outputs
        pixels = x.h * x.w
        images = [
            partial(
                to_nchw, x.data[i * pixels * x.pixel_stride :], x.pixel_stride, 1, x.c, pixels,
                y.data[i * y.pixel_stride :][: x.c * pixels],
            )
            for i in range(x.n)
        ]  # fmt: skip
        return images[0] if x.n == 1 else in_turn(images)


KERNELS = (ConcatCopy, SplitCopy, ChannelShuffleCopy, IndexSelectCopy, PadCopy, FlattenCopy)
