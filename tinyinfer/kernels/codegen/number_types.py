"""Words of the vector language for other numbers than floats: integers and truth values in memory, whole numbers.

In registers all numbers are floats, and truth values are masks.  Offsets count elements.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from tinyinfer.kernels.codegen.integers import Int, raw
from tinyinfer.kernels.codegen.numba_internals import cgutils

_F32, _I32, _I8 = ir.FloatType(), ir.IntType(32), ir.IntType(8)
_LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "int32": (-(2**31), 2**31 - 1)}
_IN_MEMORY = {"float32": _F32, "int32": _I32, "uint8": _I8, "int8": _I8, "bool": _I8}
_EXPONENT_BITS, _MANTISSA_BITS, _HALF = 23, 0x007FFFFF, 0x3F000000


class NumberTypes:
    """What `Vectors` can do with numbers of these types."""

    builder: ir.IRBuilder
    lanes: int
    type: ir.VectorType

    # -- memory --------------------------------------------------------------------------------

    def _call(self, name: str, result: ir.Type, arguments: list[ir.Value]) -> ir.Value:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}"), arguments)

    def _vector(self, element: ir.Type) -> ir.VectorType:
        return ir.VectorType(element, self.lanes)

    def _place(self, address: Int, offset: Int | int, element: ir.Type) -> ir.Value:
        base = self.builder.inttoptr(raw(address), element.as_pointer())
        return self.builder.bitcast(self.builder.gep(base, [raw(offset)]), self._vector(element).as_pointer())

    def _load_elements(self, element: ir.Type, address: Int, offset: Int | int, mask: ir.Value | None) -> ir.Value:
        place, vector, size = self._place(address, offset, element), self._vector(element), _size(element)
        if mask is None:
            return self.builder.load(place, align=size)
        nothing = ir.Constant(vector, [0] * self.lanes)
        return self._call(f"masked.load.{_code(vector)}.p0", vector, [place, _I32(size), mask, nothing])

    def _store_elements(self, value: ir.Value, address: Int, offset: Int | int, mask: ir.Value | None) -> None:
        element = value.type.element
        place, size = self._place(address, offset, element), _size(element)
        if mask is None:
            self.builder.store(value, place, align=size)
        else:
            name = f"masked.store.{_code(value.type)}.p0"
            self._call(name, ir.VoidType(), [value, place, _I32(size), mask])

    def load_numbers(self, dtype: str, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> ir.Value:
        """A vector of numbers of a dtype, as floats; with a mask only the lanes that it selects are read."""
        value = self._load_elements(_IN_MEMORY[dtype], address, offset, mask)
        if dtype == "float32":
            return value
        return (self.builder.uitofp if dtype in ("uint8", "bool") else self.builder.sitofp)(value, self.type)

    def store_numbers(
        self, dtype: str, value: ir.Value, address: Int, offset: Int | int = 0, mask: ir.Value | None = None
    ) -> None:
        """Floats as numbers of a dtype: the fraction is cut off, what it can't hold saturates, and NaN becomes 0."""
        if dtype != "float32":
            value = self._saturated(value, *_LIMITS[dtype])
            if _IN_MEMORY[dtype] is _I8:
                value = self.builder.trunc(value, self._vector(_I8))
        self._store_elements(value, address, offset, mask)

    def _saturated(self, value: ir.Value, lowest: int, highest: int) -> ir.Value:
        """Floats as 32-bit integers; LLVM's own word for it takes them one by one."""
        low, high, zero = (ir.Constant(self.type, [float(x)] * self.lanes) for x in (lowest, highest, 0))
        above = self.builder.fcmp_ordered(">=", value, high)
        fits = self.builder.select(self.builder.fcmp_ordered("<=", value, low), low, value)
        fits = self.builder.select(self.builder.fcmp_unordered("uno", value, value), zero, fits)
        integers = self._vector(_I32)
        found = self.builder.fptosi(self.builder.select(above, zero, fits), integers)
        return self.builder.select(above, ir.Constant(integers, [highest] * self.lanes), found)

    def load_truth(self, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> ir.Value:
        """The lanes whose truth value, a byte each, is not 0."""
        value = self._load_elements(_I8, address, offset, mask)
        return self.builder.icmp_unsigned("!=", value, ir.Constant(self._vector(_I8), [0] * self.lanes))

    def store_truth(self, truth: ir.Value, address: Int, offset: Int | int = 0, mask: ir.Value | None = None) -> None:
        """Lanes as truth values, a byte each."""
        self._store_elements(self.builder.zext(truth, self._vector(_I8)), address, offset, mask)

    # -- whole numbers -------------------------------------------------------------------------

    def floor(self, a: ir.Value) -> ir.Value:
        """The largest whole number that is not above."""
        return self._call(f"floor.{_code(self.type)}", self.type, [a])

    def ceil(self, a: ir.Value) -> ir.Value:
        """The smallest whole number that is not below."""
        return self._call(f"ceil.{_code(self.type)}", self.type, [a])

    def round(self, a: ir.Value) -> ir.Value:
        """The nearest whole number, of two as near the even one."""
        return self._call(f"nearbyint.{_code(self.type)}", self.type, [a])

    def mantissa_and_exponent(self, a: ir.Value) -> tuple[ir.Value, ir.Value]:
        """m from 1/2 to 1 and a whole number e with a = m * 2**e, for a positive normal number."""
        integers = self._vector(_I32)

        def every(number: int) -> Any:
            return ir.Constant(integers, [number] * self.lanes)

        bits = self.builder.bitcast(a, integers)
        exponent = self.builder.sub(self.builder.lshr(bits, every(_EXPONENT_BITS)), every(126))
        mantissa = self.builder.or_(self.builder.and_(bits, every(_MANTISSA_BITS)), every(_HALF))
        return self.builder.bitcast(mantissa, self.type), self.builder.sitofp(exponent, self.type)


def _size(element: ir.Type) -> int:
    """Bytes in memory."""
    return 1 if element is _I8 else 4


def _code(vector: ir.VectorType) -> str:
    """What LLVM calls a vector in the names of intrinsics."""
    return f"v{vector.count}{'f32' if vector.element is _F32 else vector.element.intrinsic_name}"
