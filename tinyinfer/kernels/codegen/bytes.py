"""Words of the vector language for bytes as they are, a lane of 8 bits each: moves, comparisons, tables.

``v.registers(4)`` has words for as many bytes as fill a register.  Offsets count bytes.
"""

from __future__ import annotations

from llvmlite import ir

from tinyinfer.kernels.codegen.integers import Int, raw
from tinyinfer.kernels.codegen.number_types import NumberTypes

_I8, _I64 = ir.IntType(8), ir.IntType(64)
_HALF = 128  # bytes of a table that one instruction looks up


class Bytes(NumberTypes):
    """What `Vectors` can do with bytes."""

    def load_bytes(self, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> ir.Value:
        """As many bytes as there are lanes; with a mask only those that it selects are read, and the others 0."""
        return self._load_elements(_I8, address, offset, mask)

    def store_bytes(self, value: ir.Value, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> None:
        """Bytes to memory."""
        self._store_elements(value, address, offset, mask)

    def load_byte(self, address: Int, offset: Int | int = 0) -> Int:
        """One unsigned byte as an integer."""
        byte = self.builder.load(self._byte_at(address, offset), align=1)
        return Int(self.builder, self.builder.zext(byte, _I64))

    def store_byte(self, byte: Int, address: Int, offset: Int | int = 0) -> None:
        """The lowest byte of an integer to memory."""
        self.builder.store(self.builder.trunc(byte.value, _I8), self._byte_at(address, offset), align=1)

    def _byte_at(self, address: Int, offset: Int | int) -> ir.Value:
        return self.builder.gep(self.builder.inttoptr(raw(address), _I8.as_pointer()), [raw(offset)])

    def max_bytes(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The larger of two unsigned bytes, lane by lane."""
        return self.builder.select(self.builder.icmp_unsigned(">", a, b), a, b)

    def look_up(self, table: list[ir.Value], index: ir.Value) -> ir.Value:
        """Bytes of a table of 256, which are four vectors of 64, by their numbers; for CPUs with byte permutes."""
        vector = self._vector(_I8)
        halves = [
            self._call("x86.avx512.vpermi2var.qi.512", vector, [low, index, high])
            for low, high in (table[:2], table[2:])
        ]
        below = self.builder.icmp_unsigned("<", index, ir.Constant(vector, [_HALF] * self.lanes))
        return self.builder.select(below, *halves)
