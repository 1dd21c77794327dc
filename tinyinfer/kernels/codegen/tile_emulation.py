"""Instructions of AMX in vectors, so that kernels of tiles run, and can be tested, on a CPU without tile registers.

They are memory of the function that uses them, and each keeps what it holds there alone: a kernel has to fill, multiply
and store its tiles in one function, as all do.  Sums are made in the order of the manual, so results are equal bit for
bit, but that denormal numbers are not taken for zero (Intel, "64 and IA-32 Architectures Software Developer's Manual",
volume 2, TDPBF16PS and TDPBUSD).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from tinyinfer.kernels.codegen.integers import Int
from tinyinfer.kernels.codegen.numba_internals import cgutils

ROWS = 16
ROW_BYTES = 64
_TILE_BYTES = ROWS * ROW_BYTES
_REGISTERS = ir.ArrayType(ir.IntType(8), 8 * _TILE_BYTES)
_NAME = "tile_registers"

_I64 = ir.IntType(64)
_INTS = ir.VectorType(ir.IntType(32), ROWS)


def emit(v: Any, name: str, *arguments: ir.Value) -> None:
    """Emit what the instruction ``llvm.x86.<name>`` does."""
    _INSTRUCTIONS[name](v, *arguments)


def _register(v: Any, tile: ir.Constant) -> Int:
    """The address of a register: of memory that its first use in a function adds to that."""
    entry = v.builder.function.entry_basic_block.instructions
    slot = next((i for i in entry if i.name.startswith(_NAME)), None) or _new_registers(v)
    return Int(v.builder, v.builder.ptrtoint(slot, _I64)) + tile.constant * _TILE_BYTES


def _new_registers(v: Any) -> ir.Value:
    slot = cgutils.alloca_once(v.builder, _REGISTERS, name=_NAME)
    slot.align = ROW_BYTES
    return slot


def _row(v: Any, register: Int, row: Int) -> ir.Value:
    """A row as 16 integers of 32 bits."""
    return v.load_ints(register + row * ROW_BYTES)


def _nothing(v: Any, *_: ir.Value) -> None:
    pass


def _zero(v: Any, tile: ir.Constant) -> None:
    register = _register(v, tile)
    with v.loop(ROWS) as row:
        v.store(v.constant(0), register + row * ROW_BYTES)


def _copy(v: Any, source: Int, source_row: Int | int, target: Int, target_row: Int | int) -> None:
    with v.loop(ROWS) as row:
        v.store(v.load(source + row * source_row), target + row * target_row)


def _load(v: Any, tile: ir.Constant, pointer: ir.Value, row: ir.Value) -> None:
    _copy(v, _address(v, pointer), Int(v.builder, row), _register(v, tile), ROW_BYTES)


def _store(v: Any, tile: ir.Constant, pointer: ir.Value, row: ir.Value) -> None:
    _copy(v, _register(v, tile), ROW_BYTES, _address(v, pointer), Int(v.builder, row))


def _address(v: Any, pointer: ir.Value) -> Int:
    return Int(v.builder, v.builder.ptrtoint(pointer, _I64))


def _multiply_bf16(v: Any, sums: ir.Constant, a: ir.Constant, b: ir.Constant) -> None:
    """Products of even and of odd values are summed apart, from zero."""
    of_sums, of_a, of_b = (_register(v, tile) for tile in (sums, a, b))
    with v.loop(ROWS) as row:
        even, odd = v.variable(v.constant(0)), v.variable(v.constant(0))
        with v.loop(ROWS) as k:
            pair = _every_lane(v, of_a, row, k)
            for half, total in ((_even, even), (_odd, odd)):
                total.set(v.fma(half(v, pair), half(v, _row(v, of_b, k)), total.get()))
        place = of_sums + row * ROW_BYTES
        v.store(v.add(v.load(place), v.add(even.get(), odd.get())), place)


def _every_lane(v: Any, register: Int, row: Int, column: Int) -> ir.Value:
    """32 bits of a row in every lane."""
    return v.builder.bitcast(v.load_broadcast(register + row * ROW_BYTES + column * 4), _INTS)


def _even(v: Any, pairs: ir.Value) -> ir.Value:
    return v.builder.bitcast(v.builder.shl(pairs, _splat(16)), v.type)


def _odd(v: Any, pairs: ir.Value) -> ir.Value:
    return v.builder.bitcast(v.builder.and_(pairs, _splat(0xFFFF0000)), v.type)


def _splat(number: int) -> ir.Constant:
    return ir.Constant(_INTS, [number] * ROWS)


def _multiply_codes(v: Any, sums: ir.Constant, a: ir.Constant, b: ir.Constant) -> None:
    """Unsigned codes of ``a``, signed ones of ``b``, four a lane."""
    of_sums, of_a, of_b = (_register(v, tile) for tile in (sums, a, b))
    with v.loop(ROWS) as row:
        place = of_sums + row * ROW_BYTES
        total = v.variable(v.load_ints(place))
        with v.loop(ROWS) as k:
            codes, weights = _every_lane(v, of_a, row, k), _row(v, of_b, k)
            for byte in range(4):
                upper, down = _splat(24 - 8 * byte), _splat(24)
                code = v.builder.lshr(v.builder.shl(codes, upper), down)
                weight = v.builder.ashr(v.builder.shl(weights, upper), down)
                total.set(v.builder.add(total.get(), v.builder.mul(code, weight)))
        v.store(v.builder.bitcast(total.get(), v.type), place)


_INSTRUCTIONS: dict[str, Callable[..., None]] = {
    "ldtilecfg": _nothing,
    "tilerelease": _nothing,
    "tilezero": _zero,
    "tileloadd64": _load,
    "tilestored64": _store,
    "tdpbf16ps": _multiply_bf16,
    "tdpbusd": _multiply_codes,
}
