"""Matrices of floats and of bytes transposed, square by square, each in registers where all of it is there.

Sixteen rows of sixteen bytes: to deal out the first eight rows with the last eight, byte by byte, turns the bits of all
places around by one, and four times of that make rows columns.
"""

from __future__ import annotations

from typing import Any

from tinyinfer.kernels.arguments.operands import ByteRows, Rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import Vectors, vector_function

SIDE = 16  # rows and columns of bytes that are transposed at once


@vector_function(x=Rows, rows="int", columns="int", y=Rows)
def transpose_floats(v, x, rows, columns, y):
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


@vector_function(x=ByteRows, rows="int", columns="int", y=ByteRows)
def transpose_bytes(v, x, rows, columns, y):
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


def by_squares(transpose_square: Any, side: int) -> Any:
    """Transpose matrices of any size by a function for those of at most ``side`` rows and columns."""

    @inline
    def transpose(x, rows, columns, y):
        for i in range(0, rows, side):
            for j in range(0, columns, side):
                transpose_square(x.at(i, j), min(side, rows - i), min(side, columns - j), y.at(j, i))

    return transpose
