"""Bytes in another order: transposed, dealt out by turns, picked one by one.

Sixteen rows of sixteen bytes are transposed in registers: to deal out the first eight rows with the last eight, byte by
byte, turns the bits of all places around by one, and four times of that make rows columns.
"""

from __future__ import annotations

from typing import Any

from tinyinfer.kernels.arguments.operands import Address, ByteRows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import Vectors, vector_function
from tinyinfer.kernels.parallel.parts import own_range, own_units
from tinyinfer.kernels.parallel.task import Task, task

SIDE = 16  # rows and columns that are transposed at once
BYTES = 4 * LANES  # in a register


@vector_function(x=ByteRows, rows="int", columns="int", y=ByteRows)
def transpose_square(v, x, rows, columns, y):
    """y[j, i] = x[i, j], for at most `SIDE` of each: in registers where all are there."""
    with v.either(v.intersection(rows == SIDE, columns == SIDE)) as (whole, partial):
        with whole:
            words = Vectors(v.builder, lanes=SIDE)
            lines = [words.load_byte_vector(x.address, x.stride * i) for i in range(SIDE)]
            for _ in range(4):
                pairs = [words.unpack(*pair, 1) for pair in zip(lines[: SIDE // 2], lines[SIDE // 2 :], strict=True)]
                lines = [line for pair in pairs for line in pair]
            for j, line in enumerate(lines):
                words.store_byte_vector(line, y.address, y.stride * j)
        with partial, v.loop(columns) as j, v.loop(rows) as i:
            v.store_byte(v.load_byte(x.address, i * x.stride + j), y.address, j * y.stride + i)


@inline
def transpose_bytes(x, rows, columns, y):
    """y[j, i] = x[i, j], square by square."""
    for i in range(0, rows, SIDE):
        for j in range(0, columns, SIDE):
            transpose_square(x.at(i, j), min(SIDE, rows - i), min(SIDE, columns - j), y.at(j, i))


@task
def bytes_to_nhwc(part, parts, given, n, c, pixels, y: ByteRows):
    """n images of c planes of ``pixels`` bytes into pixels of c bytes; given[0] is the address of the planes."""
    p0, p1 = own_units(part, n * pixels, SIDE, parts)
    planes = ByteRows(given[0], pixels)
    for image in range(p0 // pixels, -(-p1 // pixels)):
        first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
        transpose_bytes(planes.at(image * c, first), c, last - first, y.at(image * pixels + first))


@task
def bytes_to_nchw(part, parts, x: ByteRows, n, c, pixels, given, image_bytes):
    """The way back, to planes at the address given[0], ``image_bytes`` from one image to the next."""
    p0, p1 = own_units(part, n * pixels, SIDE, parts)
    for image in range(p0 // pixels, -(-p1 // pixels)):
        first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
        target = ByteRows(given[0] + (image * image_bytes + first), pixels)
        transpose_bytes(x.at(image * pixels + first), last - first, c, target)


def emit_interleave(v: Any, sources: list[Any], y: Any, count: Any) -> None:
    """Emit y[i * len(sources) + s] = sources[s][i], for ``count`` bytes of each."""
    words, streams, end = v.registers(4), len(sources), count // BYTES * BYTES
    with v.loop(end, BYTES) as at:
        for j, vector in enumerate(words.interleave([words.load_byte_vector(x, at) for x in sources])):
            words.store_byte_vector(vector, y, at * streams + j * BYTES)
    with v.loop(count - end) as rest:
        for s, x in enumerate(sources):
            v.store_byte(v.load_byte(x, end + rest), y, (end + rest) * streams + s)


def emit_deinterleave(v: Any, x: Any, targets: list[Any], count: Any) -> None:
    """Emit targets[s][i] = x[i * len(targets) + s], for ``count`` bytes of each."""
    words, streams, end = v.registers(4), len(targets), count // BYTES * BYTES
    with v.loop(end, BYTES) as at:
        vectors = [words.load_byte_vector(x, at * streams + j * BYTES) for j in range(streams)]
        for target, vector in zip(targets, words.deinterleave(vectors), strict=True):
            words.store_byte_vector(vector, target, at)
    with v.loop(count - end) as rest:
        for s, target in enumerate(targets):
            v.store_byte(v.load_byte(x, (end + rest) * streams + s), target, end + rest)


@vector_function(a=ByteRows, b=ByteRows, y=ByteRows, rows="int", count="int")
def interleave_rows(v, a, b, y, rows, count):
    """y[row, 2 i] = a[row, i], y[row, 2 i + 1] = b[row, i]."""
    with v.loop(rows) as row:
        emit_interleave(v, [a.at(row).address, b.at(row).address], y.at(row).address, count)


@task
def interleave_two_bytes(part, parts, a: ByteRows, b: ByteRows, rows, channels, y: ByteRows):
    """y[:, 2 i] = a[:, i], y[:, 2 i + 1] = b[:, i]."""
    p0, p1 = own_range(part, rows, parts)
    interleave_rows(a.at(p0), b.at(p0), y.at(p0), p1 - p0, channels)


def make_shuffle(streams: int, collect: bool) -> Task:
    """Rows of ``streams`` runs of bytes dealt out by turns, or the other way round collected."""

    @vector_function(x=ByteRows, rows="int", count="int", y=ByteRows)
    def reorder(v, x, rows, count, y):
        with v.loop(rows) as row:
            source, target = x.at(row).address, y.at(row).address
            if collect:
                emit_deinterleave(v, source, [target + count * s for s in range(streams)], count)
            else:
                emit_interleave(v, [source + count * s for s in range(streams)], target, count)

    @task
    def shuffle(part, parts, x: ByteRows, rows, count, y: ByteRows):
        p0, p1 = own_range(part, rows, parts)
        reorder(x.at(p0), p1 - p0, count, y.at(p0))

    return shuffle


DEAL, COLLECT = ({streams: make_shuffle(streams, collect) for streams in (2, 3, 4, 8)} for collect in (False, True))


@vector_function(x="address", index="address", y="address", count="int")
def pick_bytes(v, x, index, y, count):
    """y[i] = x[index[i]], the index being of 64-bit integers."""
    with v.loop(count) as i:
        v.store_byte(v.load_byte(x, v.load_int(index, i)), y, i)


@task
def select_bytes(part, parts, x: ByteRows, rows, c, index: Address, y: ByteRows):
    """Any channels in any order."""
    p0, p1 = own_range(part, rows, parts)
    for p in range(p0, p1):
        pick_bytes(x.at(p).address, index, y.at(p).address, c)


@task
def pick_blocks(part, parts, x: ByteRows, y: ByteRows, x_block, y_block, index: Address, count):
    """The ``count`` bytes of all blocks, each where the index says."""
    first, last = own_range(part, x_block.size, parts)
    for block in range(first, last):
        pick_bytes(x.at(0, x_block[block]).address, index, y.at(0, y_block[block]).address, count)
