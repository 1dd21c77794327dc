"""The channels of every pixel in another order: shuffles and selections.

A shuffle is a transposition within a pixel.  With few groups, or few channels in each, it deals whole registers out or
together again; everything else is gathered by a list of channels, which costs two to three times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.interleave import emit_deinterleave, emit_interleave
from tinyinfer.kernels.parts import own_range
from tinyinfer.kernels.simd import vector_function
from tinyinfer.kernels.task import Task, task
from tinyinfer.ops.channel_shuffle import ChannelShuffle
from tinyinfer.ops.joining import IndexSelect

STREAMS = (2, 3, 4, 8)  # that are dealt out in registers
CHUNK = 16384  # floats of rows that stay in the first caches while all channels are gathered from them

_ROWS = {"x": "address", "x_stride": "int", "rows": "int", "count": "int", "y": "address", "y_stride": "int"}


def deal_rows(streams: int) -> Any:
    """y[i * streams + s] = x[s * count + i] in every row."""

    @vector_function(**_ROWS)
    def deal(v, x, x_stride, rows, count, y, y_stride):
        with v.loop(rows) as row:
            source = x + row * x_stride * 4
            emit_interleave(v, [source + count * (s * 4) for s in range(streams)], y + row * y_stride * 4, count)

    return deal


def collect_rows(streams: int) -> Any:
    """y[s * count + i] = x[i * streams + s] in every row."""

    @vector_function(**_ROWS)
    def collect(v, x, x_stride, rows, count, y, y_stride):
        with v.loop(rows) as row:
            target = y + row * y_stride * 4
            emit_deinterleave(v, x + row * x_stride * 4, [target + count * (s * 4) for s in range(streams)], count)

    return collect


def make_shuffle(reorder: Any) -> Task:
    """Rows of pixels, each reordered."""

    @task
    def shuffle(part, parts, x, x_stride, rows, count, y, y_stride):
        p0, p1 = own_range(part, rows, parts)
        reorder(
            x.ctypes.data + p0 * x_stride * 4, x_stride, p1 - p0, count, y.ctypes.data + p0 * y_stride * 4, y_stride
        )

    return shuffle


DEAL = {streams: make_shuffle(deal_rows(streams)) for streams in STREAMS}
COLLECT = {streams: make_shuffle(collect_rows(streams)) for streams in STREAMS}


@vector_function(x="address", x_stride="int", rows="int", index="address", count="int", y="address", y_stride="int")
def select_rows(v, x, x_stride, rows, index, count, y, y_stride):
    """y[row, i] = x[row, index[i]] for the first ``count`` channels of a register."""
    mask, offsets = v.mask(count), v.load_ints(index)
    with v.either(count < LANES) as (partial, whole):
        with partial, v.loop(rows) as row:
            v.store_masked(v.gather(x + row * x_stride * 4, offsets, mask), y, row * y_stride, mask)
        with whole, v.loop(rows) as row:
            v.store(v.gather(x + row * x_stride * 4, offsets, mask), y, row * y_stride)


@task
def select(part, parts, x, x_stride, rows, c, index, y, y_stride):
    """Any channels in any order; ``index`` is padded to whole registers."""
    p0, p1 = own_range(part, rows, parts)
    chunk = max(1, CHUNK // x_stride)
    for p in range(p0, p1, chunk):
        for first in range(0, c, LANES):
            select_rows(
                x.ctypes.data + p * x_stride * 4, x_stride, min(chunk, p1 - p), index.ctypes.data + first * 4,
                c - first, y.ctypes.data + (p * y_stride + first) * 4, y_stride,
            )  # fmt: skip


class _Reorder(Kernel):
    name = "reorder"

    def bind_select(self, index: np.ndarray, x: FeatureMap, y: FeatureMap) -> Bound:
        """The call that gathers channels by an index."""
        padded = np.zeros(-(-index.size // LANES) * LANES, np.int32)
        padded[: index.size] = index
        return select.bind(self.problem.threads, x.data, x.pixel_stride, x.pixels, y.c, padded, y.data, y.pixel_stride)


class ChannelShuffleReorder(_Reorder):
    """A transposition within every pixel."""

    op = "channel_shuffle"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) in (2, 4)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, ChannelShuffle)
        (x,), (y,), groups = inputs, outputs, self.problem.op.groups
        channels = x.c // groups
        for streams, count, tasks in ((groups, channels, DEAL), (channels, groups, COLLECT)):
            if streams in tasks:
                return tasks[streams].bind(
                    self.problem.threads, x.data, x.pixel_stride, x.pixels, count, y.data, y.pixel_stride
                )
        return self.bind_select(np.arange(x.c).reshape(groups, channels).T.reshape(-1), x, y)


class IndexSelectReorder(_Reorder):
    """Any channels in any order, pixel by pixel."""

    op = "index_select"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, IndexSelect)
        rank = len(problem.inputs[0])
        return rank in (2, 4) and problem.op.dim % rank == 1

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, IndexSelect)
        return self.bind_select(np.array(self.problem.op.index), inputs[0], outputs[0])


KERNELS = (ChannelShuffleReorder, IndexSelectReorder)
