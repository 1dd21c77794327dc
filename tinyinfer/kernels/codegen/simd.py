"""A small vector language over LLVM, in which a microkernel reads as the loop it is.

    @vector_function(x="address", y="address", n="int")
    def double(v, x, y, n):
        with v.loop(n) as i:
            a = v.load(x, i * LANES)
            v.store(v.add(a, a), y, i * LANES)

The body runs once, when Numba compiles a caller: Python loops unroll, ``v.loop`` is a loop of the machine
code, and variables live in registers.  Offsets count floats.  Besides this file and its parts, `lane_orders`,
`number_types`, `dot_products` and `bytes`, LLVM is touched only by `jit`, which hands the result to Numba,
`argument_struct` and `thread_team`, which start it, and by `amx`, `tile_emulation` and `atomic`, which have words for
tiles and for what threads tell each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llvmlite import ir

from tinyinfer.kernels.codegen.bytes import Bytes
from tinyinfer.kernels.codegen.cpu import DIVIDES_FAST, HAS_FMA, LANES
from tinyinfer.kernels.codegen.dot_products import DotProducts
from tinyinfer.kernels.codegen.integers import Int, raw
from tinyinfer.kernels.codegen.jit import as_intrinsic, call_shared, defined_by
from tinyinfer.kernels.codegen.lane_orders import LaneOrders
from tinyinfer.kernels.codegen.numba_internals import cgutils
from tinyinfer.kernels.codegen.structs import Kind

_F32, _I64, _I32, _I1 = ir.FloatType(), ir.IntType(64), ir.IntType(32), ir.IntType(1)


class Variable:
    """A value that changes in a loop; LLVM keeps it in a register."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder = builder
        self.slot = cgutils.alloca_once(builder, value.type)
        self.set(value)

    def get(self) -> ir.Value:
        return self.builder.load(self.slot)

    def set(self, value: ir.Value) -> None:
        self.builder.store(value, self.slot)


class IntVariable:
    """An integer that changes in a loop."""

    def __init__(self, builder: ir.IRBuilder, value: Int) -> None:
        self._variable = Variable(builder, value.value)

    def get(self) -> Int:
        return Int(self._variable.builder, self._variable.get())

    def set(self, value: Int) -> None:
        self._variable.set(value.value)


class Vectors(LaneOrders, DotProducts, Bytes):
    """The words of the language, each emitting one or two instructions."""

    def __init__(self, builder: ir.IRBuilder, lanes: int = LANES) -> None:
        self.builder, self.lanes = builder, lanes
        self.type = ir.VectorType(_F32, lanes)

    def registers(self, count: int) -> Vectors:
        """The same words for vectors of ``count`` registers."""
        return Vectors(self.builder, count * self.lanes)

    # -- memory --------------------------------------------------------------------------------

    def _pointer(self, address: Int, offset: Int | int, pointee: ir.Type) -> ir.Value:
        base = self.builder.inttoptr(raw(address), _F32.as_pointer())
        return self.builder.bitcast(self.builder.gep(base, [raw(offset)]), pointee.as_pointer())

    def load(self, address: Int, offset: Int | int = 0) -> ir.Value:
        """A vector from memory, at any alignment."""
        return self.builder.load(self._pointer(address, offset, self.type), align=4)

    def load_int(self, address: Int, offset: Int | int = 0) -> Int:
        """The 64-bit integer at an offset that counts such integers."""
        base = self.builder.inttoptr(raw(address), _I64.as_pointer())
        return Int(self.builder, self.builder.load(self.builder.gep(base, [raw(offset)])))

    def load_int32(self, address: Int, offset: Int | int = 0) -> Int:
        """The 32-bit integer at an offset that counts such integers."""
        base = self.builder.inttoptr(raw(address), _I32.as_pointer())
        number = self.builder.load(self.builder.gep(base, [raw(offset)]), align=4)
        return Int(self.builder, self.builder.sext(number, _I64))

    def store(self, value: ir.Value, address: Int, offset: Int | int = 0) -> None:
        """A vector to memory, at any alignment."""
        self.builder.store(value, self._pointer(address, offset, self.type), align=4)

    def prefetch(self, address: Int, offset: Int | int = 0, level: int = 2, write: bool = False) -> None:
        """Have the cache line of an address, which may be any, brought to L1 or L2, there to be read or written."""
        kind = ir.FunctionType(ir.VoidType(), [_F32.as_pointer(), _I32, _I32, _I32])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        locality, data = 4 - level, 1
        pointer = self._pointer(address, offset, _F32)
        self.builder.call(function, [pointer, _I32(int(write)), _I32(locality), _I32(data)])

    def load_masked(self, address: Int, offset: Int | int, mask: ir.Value) -> ir.Value:
        """The lanes the mask selects; the others are zero and their memory is not touched."""
        pointer = self._pointer(address, offset, self.type)
        arguments = [pointer, _I32(4), mask, ir.Constant(self.type, [0.0] * self.lanes)]
        return self._intrinsic("masked.load", self.type, arguments, suffix=".p0")

    def load_ints(self, address: Int, offset: Int | int = 0) -> ir.Value:
        """A vector of 32-bit integers."""
        return self.builder.bitcast(self.load(address, offset), ir.VectorType(_I32, self.lanes))

    def gather(self, address: Int, offsets: ir.Value, mask: ir.Value) -> ir.Value:
        """Lane by lane the float at an offset of its own; those the mask leaves out are zero."""
        wide, pointers = ir.VectorType(_I64, self.lanes), ir.VectorType(_F32.as_pointer(), self.lanes)
        bytes_ = self.builder.shl(self.builder.sext(offsets, wide), ir.Constant(wide, [2] * self.lanes))
        places = self.builder.inttoptr(self.builder.add(self._splat(raw(address), wide), bytes_), pointers)
        arguments = [places, _I32(4), mask, self.constant(0)]
        return self._intrinsic("masked.gather", self.type, arguments, suffix=f".v{self.lanes}p0")

    def store_masked(self, value: ir.Value, address: Int, offset: Int | int, mask: ir.Value) -> None:
        """Store the lanes the mask selects; the others' memory is not touched."""
        pointer = self._pointer(address, offset, self.type)
        self._intrinsic("masked.store", ir.VoidType(), [value, pointer, _I32(4), mask], suffix=".p0")

    def mask(self, count: Int) -> ir.Value:
        """The first ``count`` lanes (none if negative, all if beyond)."""
        lane_type = ir.VectorType(_I64, self.lanes)
        counts = self._splat(raw(count), lane_type)
        return self.builder.icmp_signed("<", ir.Constant(lane_type, list(range(self.lanes))), counts)

    # -- values --------------------------------------------------------------------------------

    def _splat(self, scalar: ir.Value, vector: ir.VectorType) -> ir.Value:
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, _I32(0))
        return self.builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count)
        )

    def broadcast(self, scalar: ir.Value) -> ir.Value:
        """A scalar in every lane."""
        return self._splat(scalar, self.type)

    def load_broadcast(self, address: Int, offset: Int | int = 0) -> ir.Value:
        """One float of memory in every lane."""
        return self.broadcast(self.builder.load(self._pointer(address, offset, _F32), align=4))

    def int_constant(self, number: int) -> Int:
        """A known integer."""
        return Int(self.builder, _I64(number))

    def select(self, condition: ir.Value, a: Int | int, b: Int | int) -> Int:
        """``a`` where the condition holds, else ``b``, without a branch."""
        return Int(self.builder, self.builder.select(condition, raw(a), raw(b)))

    def optimization_barrier(self, value: Int) -> Int:
        """The same integer, which LLVM knows nothing about."""
        kind = ir.FunctionType(_I64, [_I64])
        return Int(self.builder, self.builder.asm(kind, "", "=r,0", [value.value], side_effect=False))

    def evenly_spaced(self, count: int, stride: Int, size: int = 4) -> Callable[[Int], list[Int]]:
        """A function from an address to ``count`` of them, ``stride`` floats apart, or elements of ``size`` bytes.

        Each is a register plus another times 1, 2, 4 or 8, which x86 adds up as it loads, so that five registers do
        for 14 rows.  With one for each there are too few in a loop, as of a product with 16 columns, and plain
        multiples are added up row by row, which on Intel takes the ports of the FMA units.
        """
        one = self.optimization_barrier(stride * size)
        three, five = self.optimization_barrier(one * 3), self.optimization_barrier(one * 5)
        steps = [self.int_constant(0), one, one * 2, three, one * 4, five, three * 2]

        def places(address: Int) -> list[Int]:
            starts = [self.optimization_barrier(address + one * first) for first in range(0, count, len(steps))]
            return [starts[i // len(steps)] + steps[i % len(steps)] for i in range(count)]

        return places

    def constant(self, number: float) -> ir.Value:
        """A known number in every lane."""
        return ir.Constant(self.type, [float(number)] * self.lanes)

    def integer_variable(self, value: Int) -> IntVariable:
        """An integer to be changed inside loops."""
        return IntVariable(self.builder, value)

    def variable(self, value: ir.Value) -> Variable:
        """A value to be changed inside loops."""
        return Variable(self.builder, value)

    # -- arithmetic ----------------------------------------------------------------------------

    def _intrinsic(self, name: str, result: ir.Type, arguments: list[ir.Value], suffix: str = "") -> ir.Value:
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(result, [a.type for a in arguments]),
            f"llvm.{name}.v{self.lanes}f32{suffix}",
        )
        return self.builder.call(function, arguments)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """a * b + c, rounded once; twice on a CPU without FMA, where LLVM would call a function for every lane."""
        return self._intrinsic("fma", self.type, [a, b, c]) if HAS_FMA else self.add(self.mul(a, b), c)

    def max(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The larger, lane by lane; a NaN of ``a`` stays, as the comparison with it fails."""
        return self.builder.select(self.builder.fcmp_ordered("<", a, b), b, a)

    def min(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The smaller, lane by lane; a NaN of ``a`` stays."""
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), b, a)

    def where_positive(self, condition: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
        """``a`` in the lanes where the condition is above zero, ``b`` in the others."""
        return self.builder.select(self.builder.fcmp_ordered(">", condition, self.constant(0)), a, b)

    def clip(self, a: ir.Value, low: ir.Value, high: ir.Value) -> ir.Value:
        """min(max(a, low), high)."""
        return self.min(self.max(a, low), high)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fadd(a, b)

    def sub(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fsub(a, b)

    def mul(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fmul(a, b)

    def div(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fdiv(a, b)

    def quotient(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """a / b for finite b, about 1e-7 off: most CPUs refine an estimate of 1 / b faster than they divide."""
        return self.div(a, b) if DIVIDES_FAST else self.builder.fdiv(a, b, flags=("arcp", "ninf"))

    def abs(self, a: ir.Value) -> ir.Value:
        """The distance from zero."""
        return self._intrinsic("fabs", self.type, [a])

    def sqrt(self, a: ir.Value) -> ir.Value:
        """The square root."""
        return self._intrinsic("sqrt", self.type, [a])

    def is_nan(self, a: ir.Value) -> ir.Value:
        """A mask of the lanes that hold NaN."""
        return self.unordered(a, a)

    def unordered(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """A mask of the lanes where one of two holds NaN."""
        return self.builder.fcmp_unordered("uno", a, b)

    def above(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """A mask of the lanes where ``a`` is larger; NaN is not."""
        return self.builder.fcmp_ordered(">", a, b)

    def compare(self, relation: str, a: ir.Value, b: ir.Value) -> ir.Value:
        """A mask of the lanes where a relation, as Python writes it, holds; of NaN none does but !=."""
        return (self.builder.fcmp_unordered if relation == "!=" else self.builder.fcmp_ordered)(relation, a, b)

    def beyond(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """A mask of the lanes where ``a`` is larger, NaN being larger than all numbers."""
        return self.builder.and_(self.builder.fcmp_unordered(">", a, b), self.builder.fcmp_ordered("ord", b, b))

    def union(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The lanes that either mask selects."""
        return self.builder.or_(a, b)

    def intersection(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The lanes that both masks select."""
        return self.builder.and_(a, b)

    def difference(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The lanes that one of two masks selects and the other does not."""
        return self.builder.xor(a, b)

    def complement(self, a: ir.Value) -> ir.Value:
        """The lanes that a mask does not select."""
        return self.builder.not_(a)

    def any(self, mask: ir.Value) -> ir.Value:
        """Whether a mask selects a lane: a condition for `when`."""
        bits = ir.IntType(self.lanes)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(mask, bits), bits(0))

    def where(self, mask: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
        """``a`` in the lanes the mask selects, ``b`` in the others."""
        return self.builder.select(mask, a, b)

    def bit_select(self, a: ir.Value, b: ir.Value, bits: ir.Value) -> ir.Value:
        """``a | b & bits``, bit by bit: one instruction, where lanes that are zero in ``a`` come from ``b``."""
        lanes = ir.VectorType(_I32, self.lanes)
        a, b, bits = (self.builder.bitcast(value, lanes) for value in (a, b, bits))
        return self.builder.bitcast(self.builder.or_(a, self.builder.and_(b, bits)), self.type)

    def exponent(self, a: ir.Value) -> ir.Value:
        """2**(n - 127) for the whole number n from 1 to 254 in the low bits of ``a``."""
        lanes = ir.VectorType(_I32, self.lanes)
        bits = self.builder.shl(self.builder.bitcast(a, lanes), ir.Constant(lanes, [23] * self.lanes))
        return self.builder.bitcast(bits, self.type)

    def linear(self, matrix: Any, vectors: list[ir.Value]) -> list[ir.Value]:
        """``matrix @ vectors`` for a constant matrix, skipping zeros and products with one."""
        return [self._combination(row, vectors) for row in matrix]

    def _combination(self, row: Any, vectors: list[ir.Value]) -> ir.Value:
        terms = [(float(c), x) for c, x in zip(row, vectors, strict=True) if c != 0]
        (first, x), *rest = sorted(terms, key=lambda term: term[0] != 1)  # start with a plain value if there is one
        total = x if first == 1 else self.mul(self.constant(first), x)
        for c, x in rest:
            if c == 1:
                total = self.add(total, x)
            elif c == -1:
                total = self.sub(total, x)
            else:
                total = self.fma(self.constant(c), x, total)
        return total

    def call(self, function: Any, *arguments: Any) -> None:
        """Call a function that `shared` has compiled."""
        call_shared(self.builder, function, arguments)

    # -- control -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def loop(self, stop: Int | int, step: int = 1) -> Iterator[Int]:
        """Machine-code loop over 0, step, ... below ``stop``."""
        b = self.builder
        counter = Variable(b, _I64(0))
        head, body, after = (b.append_basic_block(name) for name in ("loop", "loop.body", "loop.end"))
        b.branch(head)
        b.position_at_end(head)
        b.cbranch(b.icmp_signed("<", counter.get(), raw(stop)), body, after)
        b.position_at_end(body)
        index = Int(b, counter.get())
        yield index
        counter.set(raw(index + step))
        b.branch(head)
        b.position_at_end(after)

    @contextlib.contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        """Machine code that runs only if the condition holds."""
        with self.builder.if_then(condition):
            yield

    def either(self, condition: ir.Value) -> Any:
        """``with v.either(c) as (then, otherwise): with then: ...; with otherwise: ...``"""
        return self.builder.if_else(condition)


def vector_function(**arguments: Kind) -> Callable[[Callable[..., None]], Any]:
    """Make a function for Numba kernels out of a body in the vector language.

    Each keyword names an argument and its kind: "address" (in bytes), "int" or "float", or a struct, which the body
    gets with fields of the vector language.
    """

    def decorate(body: Callable[..., None]) -> Any:
        def emit(builder: ir.IRBuilder, values: Sequence[Any]) -> None:
            body(Vectors(builder), *values)

        return as_intrinsic(defined_by(tuple(arguments.values()), emit), body, list(arguments))

    return decorate
