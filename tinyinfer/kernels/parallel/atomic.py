"""What threads say to each other, in numbers that one writes and others read, and to the system while they wait."""

from __future__ import annotations

import os

import llvmlite.binding as llvm
from llvmlite import ir

from tinyinfer.kernels.codegen.jit import integer_function
from tinyinfer.kernels.codegen.numba_internals import cgutils

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_TRIPLE = llvm.get_process_triple()
_X86, _ARM = (_TRIPLE.startswith(names) for names in (("x86_64", "i686"), ("aarch64", "arm64")))
_CAN_YIELD, _CAN_MOVE = hasattr(os, "sched_yield"), hasattr(os, "sched_setaffinity")
_MASK_WORDS = 16  # 1,024 cores, as in glibc's cpu_set_t


@integer_function
def load(builder, address):
    """The number there; what its writer wrote before it is seen too."""
    return builder.load_atomic(_pointer(builder, address), "acquire", 8)


@integer_function
def store(builder, address, value):
    """Write a number, after all that was written before."""
    builder.store_atomic(value, _pointer(builder, address), "release", 8)


@integer_function
def replace(builder, address, old, new):
    """Write ``new`` if ``old`` is still there: 1, or 0 where another thread came first."""
    done = builder.cmpxchg(_pointer(builder, address), old, new, "acq_rel", "acquire")
    return builder.zext(builder.extract_value(done, 1), _I64)


@integer_function
def add(builder, address, value):
    """Add to a number; what it was before."""
    return builder.atomic_rmw("add", _pointer(builder, address), value, "acq_rel")


@integer_function
def ticks(builder):
    """A clock that counts up steadily, at a rate of its own."""
    if _ARM:  # LLVM's word for it would read a counter that Linux keeps from programs
        register = builder.module.add_metadata(["cntvct_el0"])
        return _call(builder, "llvm.read_volatile_register.i64", _I64, register)
    return _call(builder, "llvm.readcyclecounter", _I64)


@integer_function
def pause(builder):
    """Tell the core that this thread waits, and wait for some nanoseconds (10 on a Xeon with AMX)."""
    if _X86:
        _call(builder, "llvm.x86.sse2.pause", ir.VoidType())
    elif _ARM:
        _call(builder, "llvm.aarch64.isb", ir.VoidType(), _I32(15))


@integer_function
def give_way(builder):
    """Let another thread have this core, if one waits for it."""
    if _CAN_YIELD:
        _call(builder, "sched_yield", _I32)


@integer_function
def core(builder):
    """The number of the core that this thread is on, counted from 1; 0 if unknown."""
    return builder.add(builder.sext(_call(builder, "sched_getcpu", _I32), _I64), _I64(1)) if _CAN_MOVE else _I64(0)


@integer_function
def leave(builder, core):
    """Have this thread go on elsewhere than on that core, if it may: it is forbidden the core for a moment."""
    if not _CAN_MOVE:
        return
    mask = cgutils.alloca_once(builder, ir.ArrayType(_I64, _MASK_WORDS))
    given = [_I32(0), _I64(8 * _MASK_WORDS), builder.bitcast(mask, ir.IntType(8).as_pointer())]
    known = builder.icmp_signed("==", _call(builder, "sched_getaffinity", _I32, *given), _I32(0))
    number = builder.sub(core, _I64(1))
    with builder.if_then(builder.and_(known, builder.icmp_unsigned("<", number, _I64(64 * _MASK_WORDS)))):
        word = builder.gep(mask, [_I64(0), builder.udiv(number, _I64(64))])
        before = builder.load(word)
        bit = builder.shl(_I64(1), builder.urem(number, _I64(64)))
        builder.store(builder.and_(before, builder.not_(bit)), word)
        _call(builder, "sched_setaffinity", _I32, *given)
        builder.store(before, word)
        _call(builder, "sched_setaffinity", _I32, *given)


def _call(builder, name, result, *values):
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)


def _pointer(builder, address):
    return builder.inttoptr(address, _I64.as_pointer())
