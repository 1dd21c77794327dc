"""Integers of the machine code, with which the vector language counts and addresses."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

_I64 = ir.IntType(64)


class Int:
    """A 64-bit integer of the machine code, with Python's operators."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def _wrap(self, emit: Callable[..., ir.Value], other: Int | int) -> Int:
        return Int(self.builder, emit(self.value, raw(other)))

    def __add__(self, other: Int | int) -> Int:
        return self._wrap(self.builder.add, other)

    def __sub__(self, other: Int | int) -> Int:
        return self._wrap(self.builder.sub, other)

    def __mul__(self, other: Int | int) -> Int:
        return self._wrap(self.builder.mul, other)

    def __floordiv__(self, other: Int | int) -> Int:
        return self._wrap(self.builder.sdiv, other)  # exact for the non-negative sizes it is used on

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other: Int | int) -> ir.Value:
        return self.builder.icmp_signed("<", self.value, raw(other))

    def __gt__(self, other: Int | int) -> ir.Value:
        return self.builder.icmp_signed(">", self.value, raw(other))

    def __eq__(self, other: object) -> ir.Value:
        return self.builder.icmp_signed("==", self.value, raw(other))

    def __ne__(self, other: object) -> ir.Value:
        return self.builder.icmp_signed("!=", self.value, raw(other))

    __hash__ = None


def raw(value: Int | int) -> ir.Value:
    """What LLVM knows of an integer of either kind."""
    return value.value if isinstance(value, Int) else _I64(value)
