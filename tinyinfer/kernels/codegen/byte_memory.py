"""Runs of bytes copied and filled: what gathers windows of codes and pads their borders.

A run ends with a vector that may overlap the one before, so that nothing beyond it is touched and no byte goes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function

BYTES = 4 * LANES  # of a register


def _each_piece(v: Any, count: Any, move: Callable[[int, Any], None]) -> None:
    """Emit ``move(size, offset)`` for the vectors that a run of ``count`` bytes is made of."""
    with v.either(count < BYTES) as (short, long):
        with long:
            with v.loop(count - (BYTES - 1), BYTES) as at:
                move(BYTES, at)
            move(BYTES, count - BYTES)
        with short:
            _each_short_piece(v, count, BYTES // 2, move)


def _each_short_piece(v: Any, count: Any, size: int, move: Callable[[int, Any], None]) -> None:
    """Emit the moves of a run that is shorter than two pieces of this size."""
    with v.either(count < size) as (shorter, enough):
        with enough:
            move(size, v.int_constant(0))
            move(size, count - size)
        with shorter:
            if size > 1:
                _each_short_piece(v, count, size // 2, move)  # and nothing where there is no byte


@vector_function(x="address", x_row="int", y="address", y_row="int", rows="int", count="int")
def copy_byte_rows(v, x, x_row, y, y_row, rows, count):
    """``rows`` rows of ``count`` bytes; rows are x_row and y_row bytes apart."""
    with v.loop(rows) as row:
        source, target = x + row * x_row, y + row * y_row
        _each_piece(v, count, lambda size, at: v.store_bytes(v.load_bytes(size, source + at), target + at))


@vector_function(code="int", y="address", count="int")
def fill_bytes(v, code, y, count):
    """The same code ``count`` times."""
    _each_piece(v, count, lambda size, at: v.store_bytes(v.repeated_byte(size, code), y + at))
