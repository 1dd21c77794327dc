"""The channels of every pixel in another order: shuffles and selections.

A shuffle is a transposition within a pixel.  With few groups, or few channels in each, it deals whole registers out or
together again; everything else is gathered by a list of channels, which costs more than twice as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, ByteRows, Rows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.movement.byte_shuffles import pick_bytes, reorder_byte_rows
from tinyinfer.kernels.movement.interleave import emit_deinterleave, emit_interleave
from tinyinfer.kernels.parallel.parts import own_range
from tinyinfer.kernels.parallel.task import Task, task, task_of
from tinyinfer.ops.dtypes import BYTES
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.joining import IndexSelect

STREAMS = (2, 3, 4, 8)  # that are dealt out in registers
CHUNK = 16384  # floats of rows that stay in the first caches while all channels are gathered from them

_ROWS = {"x": Rows, "rows": "int", "count": "int", "y": Rows}


def deal_rows(streams: int) -> Any:
    """y[i * streams + s] = x[s * count + i] in every row."""

    @vector_function(**_ROWS)
    def deal(v, x, rows, count, y):
        with v.loop(rows) as row:
            source = x.at(row).address
            emit_interleave(v, [source + count * (s * 4) for s in range(streams)], y.at(row).address, count)

    return deal


def collect_rows(streams: int) -> Any:
    """y[s * count + i] = x[i * streams + s] in every row."""

    @vector_function(**_ROWS)
    def collect(v, x, rows, count, y):
        with v.loop(rows) as row:
            target = y.at(row).address
            emit_deinterleave(v, x.at(row).address, [target + count * (s * 4) for s in range(streams)], count)

    return collect


def make_shuffle(rows: Any, reorder: Any) -> Task:
    """Rows of pixels, each reordered."""

    @task_of(x=rows, y=rows)
    def shuffle(part, parts, x, pixels, count, y):
        p0, p1 = own_range(part, pixels, parts)
        reorder(x.at(p0), p1 - p0, count, y.at(p0))

    return shuffle


DEAL = {streams: make_shuffle(Rows, deal_rows(streams)) for streams in STREAMS}
COLLECT = {streams: make_shuffle(Rows, collect_rows(streams)) for streams in STREAMS}
DEAL_BYTES, COLLECT_BYTES = (
    {streams: make_shuffle(ByteRows, reorder_byte_rows(streams, collect)) for streams in STREAMS}
    for collect in (False, True)
)


@vector_function(x=Rows, rows="int", index="address", count="int", y=Rows)
def select_rows(v, x, rows, index, count, y):
    """y[row, i] = x[row, index[i]] for the first ``count`` channels of a register."""
    mask, offsets = v.mask(count), v.load_ints(index)
    with v.either(count < LANES) as (partial, whole):
        with partial, v.loop(rows) as row:
            v.store_masked(v.gather(x.at(row).address, offsets, mask), y.address, row * y.stride, mask)
        with whole, v.loop(rows) as row:
            v.store(v.gather(x.at(row).address, offsets, mask), y.address, row * y.stride)


@task
def select(part, parts, x: Rows, rows, c, index: Address, y: Rows):
    """Any channels in any order; ``index`` is padded to whole registers."""
    p0, p1 = own_range(part, rows, parts)
    chunk = max(1, CHUNK // x.stride)
    for p in range(p0, p1, chunk):
        for first in range(0, c, LANES):
            select_rows(x.at(p), min(chunk, p1 - p), index + first * 4, c - first, y.at(p, first))


@task
def select_bytes(part, parts, x: ByteRows, rows, c, index: Address, y: ByteRows):
    """The same of bytes; ``index`` is of 64-bit integers."""
    p0, p1 = own_range(part, rows, parts)
    for p in range(p0, p1):
        pick_bytes(x.at(p).address, index, y.at(p).address, c)


class _Reorder(Kernel):
    name = "reorder"
    dtypes = ("float32", *BYTES)

    def bind_select(self, index: np.ndarray, x: FeatureMap, y: FeatureMap) -> Bound:
        """The call that gathers channels by an index."""
        if x.data.itemsize == 1:
            places = Address.of(index.astype(np.int64))
            return select_bytes.bind(self.problem.threads, ByteRows.of(x), x.pixels, y.c, places, ByteRows.of(y))
        padded = np.zeros(-(-index.size // LANES) * LANES, np.int32)
        padded[: index.size] = index
        return select.bind(self.problem.threads, Rows.of(x), x.pixels, y.c, Address.of(padded), Rows.of(y))


class ChannelShuffleReorder(_Reorder):
    """A transposition within every pixel."""

    op = "channel_shuffle"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return len(problem.inputs[0]) in (2, 4)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, ChannelShuffle)
        (x,), (y,), groups = inputs, outputs, self.problem.op.groups
        channels = x.c // groups
        of_bytes = x.data.itemsize == 1
        rows, deal, collect = (ByteRows, DEAL_BYTES, COLLECT_BYTES) if of_bytes else (Rows, DEAL, COLLECT)
        for streams, count, tasks in ((groups, channels, deal), (channels, groups, collect)):
            if streams in tasks:
                return tasks[streams].bind(self.problem.threads, rows.of(x), x.pixels, count, rows.of(y))
        return self.bind_select(np.arange(x.c).reshape(groups, channels).T.reshape(-1), x, y)


class IndexSelectReorder(_Reorder):
    """Any channels in any order, pixel by pixel."""

    op = "index_select"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, IndexSelect)
        rank = len(problem.inputs[0])
        return rank in (2, 4) and problem.op.dim % rank == 1

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        assert isinstance(self.problem.op, IndexSelect)
        return self.bind_select(np.array(self.problem.op.index), inputs[0], outputs[0])


KERNELS = (ChannelShuffleReorder, IndexSelectReorder)
