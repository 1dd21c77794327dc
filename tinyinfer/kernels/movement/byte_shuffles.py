"""Rows of bytes dealt out by turns, collected, or picked one by one: what compiled code does with floats elsewhere."""

from __future__ import annotations

from typing import Any

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function

BYTES = 4 * LANES  # in a register


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
def interleave_byte_rows(v, a, b, y, rows, count):
    """y[row, 2 i] = a[row, i], y[row, 2 i + 1] = b[row, i]."""
    with v.loop(rows) as row:
        emit_interleave(v, [a.at(row).address, b.at(row).address], y.at(row).address, count)


def reorder_byte_rows(streams: int, collect: bool) -> Any:
    """y[i * streams + s] = x[s * count + i] in every row, or the other way round."""

    @vector_function(x=ByteRows, rows="int", count="int", y=ByteRows)
    def reorder(v, x, rows, count, y):
        with v.loop(rows) as row:
            source, target = x.at(row).address, y.at(row).address
            if collect:
                emit_deinterleave(v, source, [target + count * s for s in range(streams)], count)
            else:
                emit_interleave(v, [source + count * s for s in range(streams)], target, count)

    return reorder


@vector_function(x="address", index="address", y="address", count="int")
def pick_bytes(v, x, index, y, count):
    """y[i] = x[index[i]], the index being of 64-bit integers."""
    with v.loop(count) as i:
        v.store_byte(v.load_byte(x, v.load_int(index, i)), y, i)
