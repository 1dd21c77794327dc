"""The two sizes of elements that are moved: what rows of them are, and how such rows are copied and transposed.

What moves elements is made once for each by a factory; numbers of more bytes are moved as several floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tinyinfer.kernels.arguments.operands import ByteRows, Rows
from tinyinfer.kernels.base import FeatureMap
from tinyinfer.kernels.codegen.byte_memory import copy_byte_rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.memory import copy_rows
from tinyinfer.kernels.movement.transposition import SIDE, by_squares, transpose_bytes, transpose_floats
from tinyinfer.kernels.parallel.task import Task


class Elements(NamedTuple):
    """Elements of ``size`` bytes; distances in the struct ``rows`` count them.  The functions are for compiled code.

    ``copy(x, x_row, y, y_row, rows, count)`` copies rows, ``transpose(x, rows, columns, y)`` a matrix, by squares of
    ``side`` rows and columns.
    """

    size: int
    rows: Any
    copy: Any
    transpose: Any
    side: int


FLOAT = Elements(4, Rows, copy_rows, by_squares(transpose_floats, LANES), LANES)
BYTE = Elements(1, ByteRows, copy_byte_rows, by_squares(transpose_bytes, SIDE), SIDE)


def elements_of(value: FeatureMap) -> Elements:
    """As what the elements of a value are moved."""
    return BYTE if value.data.itemsize == 1 else FLOAT


def for_each_size(make: Callable[[Elements], Task]) -> dict[int, Task]:
    """What a factory makes for either size, by `Elements.size`."""
    return {elements.size: make(elements) for elements in (FLOAT, BYTE)}
