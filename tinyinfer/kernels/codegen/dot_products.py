"""Words of the vector language for products of 8-bit codes, whose sums are integers of 32 bits.

A lane of 32 bits holds four codes.  A CPU with VNNI multiplies those of two registers and adds the four products to the
lane of a third in one instruction, four times as many as it does in float32.  Elsewhere codes are widened to 16 bits,
of which LLVM multiplies and adds pairs, no faster than floats.  The instruction for pairs of 8 bits, vpmaddubsw, is of
no use: its sums are of 16 bits, and saturate.

What there is to spare on such a CPU are additions, and with two of them one multiplication does for two (Winograd, "A
New Algorithm for Inner Product", 1968):

    (x0 + w1) (x1 + w0) = x0 w0 + x1 w1 + x0 x1 + w0 w1

The last two terms are known before: one is a weight's alone, and the other the same for all columns of weights.
Integers lose nothing by that, even where sums wrap around in between.

Offsets of codes count bytes, those of sums 32-bit integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from tinyinfer.kernels.codegen.cpu import has_amx, has_vnni
from tinyinfer.kernels.codegen.integers import Int, raw
from tinyinfer.kernels.codegen.number_types import NumberTypes

_I8, _I16, _I32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)
Pairs = tuple[ir.Value, ir.Value]
_SHIFT, _SHIFT_BITS = 1.5 * 2**23, 0x4B400000
VNNI = has_vnni()
PAIRED = not VNNI and not has_amx()  # whether products of matrices are made of `dot_sums`


class DotProducts(NumberTypes):
    """What `Vectors` can do with codes and sums of their products."""

    if TYPE_CHECKING:

        def _splat(self, scalar: ir.Value, vector: ir.VectorType) -> ir.Value: ...

    # -- memory --------------------------------------------------------------------------------

    def load_codes(self, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> ir.Value:
        """As many unsigned codes as there are lanes, one in each; with a mask only those that it selects are read."""
        return self.builder.zext(self._load_elements(_I8, address, offset, mask), self._vector(_I32))

    def load_four_codes(self, address: Int, offset: Int | int = 0) -> ir.Value:
        """The same four codes in every lane."""
        base = self.builder.inttoptr(raw(address), _I8.as_pointer())
        place = self.builder.bitcast(self.builder.gep(base, [raw(offset)]), _I32.as_pointer())
        return self._splat(self.builder.load(place, align=1), self._vector(_I32))

    def load_code(self, address: Int, offset: Int | int = 0) -> ir.Value:
        """The same unsigned code in every lane."""
        base = self.builder.inttoptr(raw(address), _I8.as_pointer())
        code = self.builder.load(self.builder.gep(base, [raw(offset)]), align=1)
        return self._splat(self.builder.zext(code, _I32), self._vector(_I32))

    def store_sum(self, value: ir.Value, address: Int) -> None:
        """The first of a vector of 32-bit integers to memory."""
        place = self.builder.inttoptr(raw(address), _I32.as_pointer())
        self.builder.store(self.builder.extract_element(value, _I32(0)), place, align=4)

    def load_sum(self, address: Int, offset: Int | int = 0) -> ir.Value:
        """The same 32-bit integer in every lane."""
        base = self.builder.inttoptr(raw(address), _I32.as_pointer())
        place = self.builder.gep(base, [raw(offset)])
        return self._splat(self.builder.load(place, align=4), self._vector(_I32))

    def load_fours(self, address: Int, offset: Int | int = 0) -> ir.Value:
        """Four codes in each lane, one after the other in memory."""
        base = self.builder.inttoptr(raw(address), _I8.as_pointer())
        place = self.builder.bitcast(self.builder.gep(base, [raw(offset)]), self._vector(_I32).as_pointer())
        return self.builder.load(place, align=1)

    def load_sums(self, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> ir.Value:
        """A vector of 32-bit integers, or of four codes a lane."""
        return self._load_elements(_I32, address, offset, mask)

    def store_sums(self, value: ir.Value, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> None:
        """32-bit integers to memory."""
        self._store_elements(value, address, offset, mask)

    def store_codes(self, value: ir.Value, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> None:
        """The lowest byte of every lane to memory."""
        self._store_elements(self.builder.trunc(value, self._vector(_I8)), address, offset, mask)

    def load_bytes(self, count: int, address: Int) -> ir.Value:
        """So many bytes, at any alignment."""
        return self.builder.load(self._bytes_at(count, address), align=1)

    def store_bytes(self, value: ir.Value, address: Int) -> None:
        """Bytes to memory, at any alignment."""
        self.builder.store(value, self._bytes_at(value.type.count, address), align=1)

    def repeated_byte(self, count: int, code: Int) -> ir.Value:
        """The low 8 bits of an integer so many times."""
        return self._splat(self.builder.trunc(raw(code), _I8), ir.VectorType(_I8, count))

    def _bytes_at(self, count: int, address: Int) -> ir.Value:
        return self.builder.inttoptr(raw(address), ir.VectorType(_I8, count).as_pointer())

    # -- arithmetic ----------------------------------------------------------------------------

    def integer(self, number: Int | int) -> ir.Value:
        """The low 32 bits of an integer in every lane."""
        return self._splat(self.builder.trunc(raw(number), _I32), self._vector(_I32))

    def dot4(self, sums: ir.Value, x: ir.Value, w: ir.Value) -> ir.Value:
        """Lane by lane the sum and the products of four unsigned codes of ``x`` with four signed ones of ``w``."""
        if VNNI:
            lanes = self._vector(_I32)
            return self._call(f"x86.avx512.vpdpbusd.{32 * self.lanes}", lanes, [sums, x, w])
        return self.dot_pairs(sums, self.pairs(x), self.pairs(w, signed=True))

    def dot_pairs(self, sums: ir.Value, x: Pairs, w: Pairs) -> ir.Value:
        """The same of what `pairs` has made."""
        for x_pair, w_pair in zip(x, w, strict=True):
            sums = self.builder.add(sums, self.dot2(x_pair, w_pair))
        return sums

    def load_wide_codes(self, address: Int) -> ir.Value:
        """Twice as many unsigned codes as there are lanes, as 16-bit integers."""
        return self.builder.zext(self.load_bytes(2 * self.lanes, address), ir.VectorType(_I16, 2 * self.lanes))

    def load_halves(self, address: Int) -> ir.Value:
        """A register of 16-bit integers."""
        return self.builder.load(self._halves_at(address), align=2)

    def store_halves(self, value: ir.Value, address: Int) -> None:
        """16-bit integers to memory."""
        self.builder.store(value, self._halves_at(address), align=2)

    def _halves_at(self, address: Int) -> ir.Value:
        return self.builder.inttoptr(raw(address), ir.VectorType(_I16, 2 * self.lanes).as_pointer())

    def load_two_pairs(self, address: Int) -> Pairs:
        """The same two 16-bit integers in every lane, and the two behind them."""
        halves = ir.VectorType(_I16, 2 * self.lanes)
        first, second = (self.builder.bitcast(self.load_four_codes(address, at), halves) for at in (0, 4))
        return first, second

    def load_pairs(self, address: Int, offset: Int | int = 0) -> Pairs:
        """Two registers of 16-bit integers, which the offset counts: what `pairs` would make."""
        first = address + offset * 2
        return self.load_halves(first), self.load_halves(first + 4 * self.lanes)

    def dot_sums(self, sums: ir.Value, x: Pairs, w: Pairs) -> ir.Value:
        """Lane by lane the sum and the two products (x0 + w1) (x1 + w0) of four codes, which come as `pairs`."""
        (x_even, x_odd), (w_even, w_odd), add = x, w, self.builder.add
        return add(sums, self.dot2(add(x_even, w_odd), add(x_odd, w_even)))

    def pairs(self, codes: ir.Value, signed: bool = False) -> Pairs:
        """Codes 0 and 2 of every lane as 16-bit integers, and codes 1 and 3."""
        b, halves = self.builder, ir.VectorType(_I16, 2 * self.lanes)
        eight, codes = ir.Constant(halves, [8] * halves.count), b.bitcast(codes, halves)
        if signed:
            return b.ashr(b.shl(codes, eight), eight), b.ashr(codes, eight)
        return b.and_(codes, ir.Constant(halves, [255] * halves.count)), b.lshr(codes, eight)

    def dot2(self, x: ir.Value, w: ir.Value) -> ir.Value:
        """The sums of two neighbouring products of 16-bit integers: one instruction, vpmaddwd, on x86."""
        b, wide = self.builder, ir.VectorType(_I32, 2 * self.lanes)
        products = b.mul(b.sext(x, wide), b.sext(w, wide))

        def every_other(first: int) -> ir.Value:
            places = ir.Constant(self._vector(_I32), list(range(first, 2 * self.lanes, 2)))
            return b.shuffle_vector(products, products, places)

        return b.add(every_other(0), every_other(1))

    def dot_neighbours(self, x: ir.Value) -> ir.Value:
        """In every other lane the sum of two products of 16-bit integers, its own with those of the next; else 0."""
        lanes = self._vector(_I32)
        words = self.builder.bitcast(x, lanes)
        places = [i + 1 if i % 2 == 0 else self.lanes for i in range(self.lanes)]
        nothing = ir.Constant(lanes, [0] * self.lanes)
        swapped = self.builder.shuffle_vector(words, nothing, ir.Constant(lanes, places))
        return self.dot2(x, self.builder.bitcast(swapped, x.type))

    def combinations(self, matrix: Any, vectors: list[ir.Value]) -> list[ir.Value]:
        """``matrix @ vectors`` for a constant matrix of integers, by additions and shifts."""
        return [self._sum_of_multiples(row, vectors) for row in matrix]

    def _sum_of_multiples(self, row: Any, vectors: list[ir.Value]) -> ir.Value:
        terms = sorted(zip(map(int, row), vectors, strict=True), key=lambda term: -term[0])  # what is added comes first
        total = None
        for factor, x in terms:
            for bit in (bit for bit in range(abs(factor).bit_length()) if abs(factor) >> bit & 1):
                multiple = self.builder.shl(x, ir.Constant(x.type, [bit] * x.type.count)) if bit else x
                if total is None:
                    total = multiple if factor > 0 else self.builder.neg(multiple)
                else:
                    total = (self.builder.add if factor > 0 else self.builder.sub)(total, multiple)
        assert total is not None
        return total

    def shift_right(self, integers: ir.Value, bits: int) -> ir.Value:
        """Integers without so many of their last bits."""
        return self.builder.ashr(integers, ir.Constant(integers.type, [bits] * integers.type.count))

    def add_integers(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """a + b of integers."""
        return self.builder.add(a, b)

    def mul_integers(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """a * b of integers."""
        return self.builder.mul(a, b)

    def sub_integers(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """a - b of integers."""
        return self.builder.sub(a, b)

    def as_floats(self, integers: ir.Value) -> ir.Value:
        """The nearest floats."""
        return self.builder.sitofp(integers, self.type)

    def nearest(self, floats: ir.Value) -> ir.Value:
        """What `nearest_integers` finds, as floats."""
        shift = ir.Constant(self.type, [_SHIFT] * self.lanes)
        return self.builder.fsub(self.builder.fadd(floats, shift), shift)

    def nearest_integers(self, floats: ir.Value) -> ir.Value:
        """The nearest integers, of two as near the even one, for floats between -2**22 and 2**22.

        A sum with 1.5 * 2**23 has no place for a fraction, and the integer is in its low bits.
        """
        lanes = self._vector(_I32)
        shifted = self.builder.fadd(floats, ir.Constant(self.type, [_SHIFT] * self.lanes))
        return self.builder.sub(self.builder.bitcast(shifted, lanes), ir.Constant(lanes, [_SHIFT_BITS] * self.lanes))
