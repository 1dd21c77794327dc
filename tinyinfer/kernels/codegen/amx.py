"""Tile registers of Intel's AMX: the words that kernels say to them.

Eight registers hold tiles of 16 rows of 64 bytes.  One instruction multiplies a tile of 16 x 32 bfloat16 values by
one of 32 x 16 and adds the products to a tile of 16 x 16 float32 sums: 8,192 multiply-adds in 16 cycles, where the FMA
units do 512; of 8-bit codes it takes twice as many (Intel, "Architecture Instruction Set Extensions Programming
Reference", chapter 3).
"""

from __future__ import annotations

import struct
from typing import Any

from llvmlite import ir

from tinyinfer.kernels.codegen import tile_emulation
from tinyinfer.kernels.codegen.cpu import emulates_amx, has_amx
from tinyinfer.kernels.codegen.integers import Int, raw
from tinyinfer.kernels.codegen.numba_internals import cgutils

available = has_amx
TILE = 16  # rows of a tile, and float32 columns
DEPTH = 32  # bfloat16 values in a row
ROW_BYTES = 2 * DEPTH
TILE_BYTES = ROW_BYTES * TILE

_VOID, _I8, _I64 = ir.VoidType(), ir.IntType(8), ir.IntType(64)
_POINTER = _I8.as_pointer()
_PALETTE = 1
# the operand of ldtilecfg: the palette, then for each register its bytes a row and its rows
_CONFIGURATION = struct.pack("<B15x8H16x8B8x", _PALETTE, *[64] * 8, *[TILE] * 8)


def _emit(v: Any, name: str, *arguments: ir.Value) -> None:
    if emulates_amx():
        return tile_emulation.emit(v, name, *arguments)
    kind = ir.FunctionType(_VOID, [a.type for a in arguments])
    v.builder.call(cgutils.get_or_insert_function(v.builder.module, kind, f"llvm.x86.{name}"), arguments)


def _pointer(v: Any, address: Int) -> ir.Value:
    return v.builder.inttoptr(address.value, _POINTER)


def configure(v: Any) -> None:
    """Make all eight registers whole tiles, for this thread, until `release`."""
    data = cgutils.global_constant(v.builder, "tiles", cgutils.create_constant_array(_I8, bytearray(_CONFIGURATION)))
    _emit(v, "ldtilecfg", v.builder.bitcast(data, _POINTER))


def release(v: Any) -> None:
    """Give the registers back, so that the operating system need not save them."""
    _emit(v, "tilerelease")


def zero(v: Any, tile: int) -> None:
    """Set a tile to zero."""
    _emit(v, "tilezero", _I8(tile))


def load(v: Any, tile: int, address: Int, row: Int | int = ROW_BYTES) -> None:
    """Fill a tile with 16 rows of 64 bytes, ``row`` bytes apart."""
    _emit(v, "tileloadd64", _I8(tile), _pointer(v, address), raw(row))


def store(v: Any, tile: int, address: Int, row: Int | int) -> None:
    """Write a tile's 16 rows of 64 bytes, ``row`` bytes apart."""
    _emit(v, "tilestored64", _I8(tile), _pointer(v, address), raw(row))


def multiply(v: Any, sums: int, a: int, b: int) -> None:
    """sums[16, 16] += a[16, 32] @ b[32, 16]; a row of ``b`` holds two of its rows, their values alternating."""
    _emit(v, "tdpbf16ps", _I8(sums), _I8(a), _I8(b))


def multiply_codes(v: Any, sums: int, a: int, b: int) -> None:
    """sums[16, 16] += a[16, 64] @ b[64, 16], 32-bit integers, of unsigned and signed codes.

    A row of ``b`` holds four of its rows, their codes alternating.
    """
    _emit(v, "tdpbusd", _I8(sums), _I8(a), _I8(b))


def halves(v: Any, a: ir.Value, b: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Two float32 vectors as rows of two tiles: values rounded to bfloat16, and what the rounding took from them.

    Value i of ``a`` and value i of ``b`` are neighbours in the row, which takes fewer instructions than all of ``a``
    and then all of ``b``.
    """
    high, a_rounded, b_rounded = _round(v, a, b)
    low, _, _ = _round(v, v.sub(a, a_rounded), v.sub(b, b_rounded))
    return high, low


def _round(v: Any, a: ir.Value, b: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
    """(row of a tile, a, b), all rounded to the upper 16 bits of float32, which are bfloat16."""
    lanes = ir.VectorType(ir.IntType(32), v.lanes)
    upper, half, shift = (ir.Constant(lanes, [number] * v.lanes) for number in (0xFFFF0000, 0x8000, 16))
    b_ = v.builder
    first, second = (b_.and_(b_.add(b_.bitcast(x, lanes), half), upper) for x in (a, b))
    row = b_.or_(b_.lshr(first, shift), second)
    return b_.bitcast(row, v.type), b_.bitcast(first, v.type), b_.bitcast(second, v.type)
