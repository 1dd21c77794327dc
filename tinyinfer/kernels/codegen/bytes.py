"""Words of the vector language for bytes as they are, a lane of 8 bits each: moves, comparisons, tables.

``v.registers(4)`` has words for as many bytes as fill a register.  Offsets count bytes.
"""

from __future__ import annotations

import platform

from llvmlite import binding, ir

from tinyinfer.kernels.codegen.integers import Int, raw
from tinyinfer.kernels.codegen.number_types import NumberTypes

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
PACKS = platform.machine().lower() in ("x86_64", "amd64")  # whether there are instructions that pack and saturate
FIRST_WITH_LRINT = (20,)  # LLVM's first version that rounds vectors by its word for it
_HALF = 128  # bytes of a table that one instruction looks up


class Bytes(NumberTypes):
    """What `Vectors` can do with bytes."""

    def load_byte_vector(self, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> ir.Value:
        """As many bytes as there are lanes; with a mask only those that it selects are read, and the others 0."""
        return self._load_elements(_I8, address, offset, mask)

    def store_byte_vector(
        self, value: ir.Value, address: Int, offset: Int | int = 0, mask: ir.Value | None = None
    ) -> None:
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

    # -- four bytes a lane -----------------------------------------------------------------------

    def load_fours_of_two(self, first: Int, second: Int) -> ir.Value:
        """Four codes in each lane, as `load_fours`: half of the lanes from one address, half from another."""
        halves = [self.load_bytes(2 * self.lanes, address) for address in (first, second)]
        return self.as_lanes(self._shuffled(*halves, [*range(4 * self.lanes)]))

    def unpack(self, a: ir.Value, b: ir.Value, size: int) -> tuple[ir.Value, ir.Value]:
        """Elements of ``size`` bytes of two registers by turns, within 16 bytes: of first halves, and of second ones.

        This is what one instruction does on x86, and the reverse of `pack_codes`.
        """
        half, count = 8 // size, self.lanes // size
        vector = ir.VectorType(ir.IntType(8 * size), count)
        a, b = (self.builder.bitcast(value, vector) for value in (a, b))
        made = []
        for first in (0, half):
            places = [
                at + first + i + other * count
                for at in range(0, count, 2 * half)
                for i in range(half)
                for other in (0, 1)
            ]
            made.append(self._shuffled(a, b, places))
        return made[0], made[1]

    def zip_four(self, rows: list[ir.Value]) -> ir.Value:
        """Bytes of four vectors, those of one lane together in 32 bits."""
        places = [i + other * self.lanes for i in range(self.lanes) for other in (0, 1)]
        words = ir.VectorType(ir.IntType(16), self.lanes)
        pairs = [self.builder.bitcast(self._shuffled(a, b, places), words) for a, b in (rows[:2], rows[2:])]
        return self.builder.bitcast(self._shuffled(*pairs, places), self._vector(_I32))

    def split(self, value: ir.Value) -> list[ir.Value]:
        """Vectors of as many lanes as there are, of one that has several times as many."""
        starts = range(0, value.type.count, self.lanes)
        return [self._shuffled(value, value, [*range(start, start + self.lanes)]) for start in starts]

    def pack_codes(self, integers: list[ir.Value], zero: Int | int, low: Int | int, high: Int | int) -> ir.Value:
        """Integers plus a zero point as codes from low to high; of four registers, in the order that `unpack` makes."""
        if PACKS:
            halves = [self._pack("ssdw", pair, ir.IntType(16), 2) for pair in (integers[:2], integers[2:])]
            word = halves[0].type
            zeros = self._every(word, zero)
            shifted = [self._call(f"sadd.sat.v{word.count}i16", word, [half, zeros]) for half in halves]
            codes = self._pack("uswb", shifted, _I8, 4)
        else:
            codes = self._joined([self._as_bytes(each, zero) for each in integers])
        codes = self.max_bytes(codes, self._every(codes.type, low))
        top = self._every(codes.type, high)
        return self.builder.select(self.builder.icmp_unsigned("<", codes, top), codes, top)

    def quarters_in_order(self, codes: ir.Value, count: int) -> list[ir.Value]:
        """What `pack_codes` made, register after register, as so many vectors of bytes."""
        fours = self.as_lanes(codes)
        order = [group + register for register in range(4) for group in range(0, self.lanes, 4)]
        size = self.lanes // count
        pieces = [self._shuffled(fours, fours, order[i * size : (i + 1) * size]) for i in range(count)]
        return [self.builder.bitcast(piece, ir.VectorType(_I8, 4 * size)) for piece in pieces]

    def _pack(self, kind: str, pair: list[ir.Value], element: ir.Type, times: int) -> ir.Value:
        """x86's instruction that halves the elements of two registers, which saturate."""
        name = {16: f"x86.avx512.pack{kind}.512", 8: f"x86.avx2.pack{kind}"}.get(self.lanes, f"x86.sse2.pack{kind}.128")
        return self._call(name, ir.VectorType(element, times * self.lanes), pair)

    def _as_bytes(self, integers: ir.Value, zero: Int | int) -> ir.Value:
        vector = integers.type
        shifted = self.builder.add(integers, self._every(vector, zero))
        for name, limit in (("smax", 0), ("smin", 255)):
            shifted = self._call(
                f"{name}.v{vector.count}i32", vector, [shifted, ir.Constant(vector, [limit] * vector.count)]
            )
        return self.builder.trunc(shifted, ir.VectorType(_I8, vector.count))

    def _joined(self, quarters: list[ir.Value]) -> ir.Value:
        """Bytes of four vectors, four of each by turns."""
        count = self.lanes
        halves = [self._shuffled(a, b, [*range(2 * count)]) for a, b in (quarters[:2], quarters[2:])]
        places = [
            quarter * count + 4 * group + i for group in range(count // 4) for quarter in range(4) for i in range(4)
        ]
        return self._shuffled(*halves, places)

    def truncated(self, scalar: ir.Value) -> Int:
        """A float without its fraction as an integer."""
        return Int(self.builder, self.builder.fptosi(scalar, _I64))

    def _every(self, vector: ir.VectorType, number: Int | int) -> ir.Value:
        """The low bits of an integer in every lane of a vector of integers."""
        first = self.builder.insert_element(
            ir.Constant(vector, ir.Undefined), self.builder.trunc(raw(number), vector.element), _I32(0)
        )
        return self._shuffled(first, first, [0] * vector.count)

    def _shuffled(self, a: ir.Value, b: ir.Value, places: list[int]) -> ir.Value:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(places)), places))

    def as_lanes(self, codes: ir.Value) -> ir.Value:
        """Four bytes in each lane of 32 bits, as they lie."""
        return self.builder.bitcast(codes, self._vector(_I32))

    def rounded(self, floats: ir.Value) -> ir.Value:
        """The nearest integers, halves to even; what is below all of them may be any that is negative."""
        lanes = self._vector(_I32)
        if binding.llvm_version_info < FIRST_WITH_LRINT:
            return self.builder.fptosi(self.round(floats), lanes)
        return self._call(f"lrint.v{self.lanes}i32.v{self.lanes}f32", lanes, [floats])  # one instruction, not two
