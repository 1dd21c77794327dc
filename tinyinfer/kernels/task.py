"""Kernels as tasks: compiled once for any number of threads, and started by a call without arguments.

A task is a function of the number of a part, the number of parts, and what it works on.  To bind it is to store these
arguments in a frame, and to start it is to give the threading layer the address of a function that reads them there:
some instructions, whatever a kernel takes.  Numba's ``prange`` would compile every kernel twice more, and look at all
arguments at every start: 3.0 us for two threads instead of 1.9, 0.7 us for one instead of 0.4.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.np.ufunc import parallel

from tinyinfer.kernels.base import Bound
from tinyinfer.kernels.jit import as_intrinsic, inline, jit
from tinyinfer.kernels.simd import ADDRESS, INT

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_POINTER, _WORD = ir.IntType(8).as_pointer(), _I64.as_pointer()
# a range of parts, as Numba's threading layers call them: [first part], [count], steps, frame
_RANGE = ir.FunctionType(ir.VoidType(), [_POINTER.as_pointer(), _WORD, _WORD, _POINTER])
_PARALLEL_FOR = ir.FunctionType(ir.VoidType(), [_POINTER, *_RANGE.args, _I64, _I64, _I32])
_FAILED = 8  # bytes at the start of a frame, which are not zero after an exception


class Task:
    """A kernel's function ``(part, parts, *args)``, each part of which writes outputs of its own."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.store = _storing(function)
        self.__doc__ = function.__doc__

    def bind(self, parts: int, *args: Any) -> Bound:
        """The call that runs all parts at once.

        It raises RuntimeError where a part raises anything, as machine code does with NUMBA_BOUNDSCHECK=1.
        """
        args = (parts, *args)
        frame = np.zeros(self.store(0, args), np.uint8)
        address = frame.ctypes.data
        return _Starts.of(np.array([[self.store(address, args), address, parts, *_team(parts)]]), (frame, args))


def task(function: Callable[..., None]) -> Task:
    """Make a kernel's function a task."""
    return Task(function)


def in_turn(calls: Sequence[Bound]) -> Bound:
    """One call for several, each of which begins when all parts of the one before have ended.

    Tasks that follow one another are started by one call of machine code (0.88 to 0.95 of the time of small networks).
    """
    merged: list[Bound] = []
    for tasks, group in itertools.groupby(calls, lambda call: isinstance(call, _Starts)):
        some: list[Any] = list(group)
        merged += [_Starts.of(np.concatenate([call.args[0] for call in some]), some)] if tasks else some

    def run() -> None:
        for call in merged:
            call()

    return merged[0] if len(merged) == 1 else run


class _Starts(partial[None]):
    """The call that starts tasks: [function, frame, parts, loop of the threading layer, threads] of each."""

    frames: Any  # and the arguments: the table has only their addresses, so they have to be kept

    @classmethod
    def of(cls, table: np.ndarray, frames: Any) -> _Starts:
        starts = cls(_start, table)
        starts.frames = frames
        return starts


def _team(parts: int) -> tuple[int, int]:
    """Address of the threading layer's loop (0: not needed) and the threads it may use."""
    if parts == 1:
        return 0, 1
    parallel._launch_threads()  # does nothing where it has been called before
    return llvm.address_of_symbol("numba_parallel_for"), min(parts, numba.config.NUMBA_NUM_THREADS)


def _storing(function: Callable[..., None]) -> Any:
    """Compiled ``store(frame, args)``: writes a frame, gives the address of what runs parts with it; its size for 0."""
    body = inline(function)

    def definition(typingctx: Any, frame: Any, args: Any) -> Any:
        called = types.Dispatcher(body).get_call_type(typingctx, (INT, *args.types), {})

        def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return _emit_store(context, builder, body.get_compile_result(called), args, *values)

        return INT(ADDRESS, args), codegen

    # Numba names what it keeps on disk after the function, and takes it for outdated when the function's file changes;
    # what a function closes over would be new to it in every process, what is global would not
    place = function.__code__
    code = _store.__code__.replace(co_filename=place.co_filename, co_firstlineno=place.co_firstlineno)
    store = FunctionType(code, {"emit": as_intrinsic(definition, function, ["frame", "args"])})
    store.__module__, store.__qualname__ = function.__module__, body.py_func.__qualname__
    return jit(store)


def _store(frame, args):
    return emit(frame, args)  # noqa: F821


def _emit_store(context, builder, compiled, args, frame, values):
    kind = context.get_value_type(args)
    function = ir.Function(builder.module, _RANGE, builder.module.get_unique_name("parts"))
    function.linkage = "internal"
    _emit_range(context, ir.IRBuilder(function.append_basic_block()), function.args, compiled, kind)
    context.active_code_library.add_linking_library(compiled.library)
    given = builder.icmp_unsigned("!=", frame, _I64(0))
    with builder.if_then(given):
        place = builder.inttoptr(builder.add(frame, _I64(_FAILED)), kind.as_pointer())
        builder.store(_without_owners(context, builder, args, values), place, align=8)
    size = _I64(_FAILED + context.get_abi_sizeof(kind))
    return builder.select(given, builder.ptrtoint(function, _I64), size)


def _emit_range(context, b, given, compiled, kind):
    """The body of a function that calls the compiled one for some parts, with the arguments of a frame."""
    first, count, _, frame = given
    described = compiled.fndesc
    callee = context.declare_function(b.module, described)
    args = b.load(b.bitcast(b.gep(frame, [_I64(_FAILED)]), kind.as_pointer()), align=8)
    values = [b.extract_value(args, i) for i in range(len(kind.elements))]
    start = b.ptrtoint(b.load(first), _I64)
    with cgutils.for_range(b, b.load(count)) as loop:
        status, _ = context.call_conv.call_function(
            b, callee, described.restype, described.argtypes, [b.add(start, loop.index), *values]
        )
        with b.if_then(status.is_error, likely=False):
            b.store(_I64(1), b.bitcast(frame, _WORD))
    b.ret_void()


def _without_owners(context, builder, kind, value):
    """The value with arrays that belong to nobody: Numba's own count of references ends with the call of ``store``."""
    if isinstance(kind, types.BaseTuple):
        for i, element in enumerate(kind):
            inner = _without_owners(context, builder, element, builder.extract_value(value, i))
            value = builder.insert_value(value, inner, i)
    elif isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo, array.parent = array.meminfo.type(None), array.parent.type(None)
        value = array._getvalue()
    return value


def _starting(typingctx: Any, *_: Any) -> Any:
    def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        function, frame, parts, parallel_for, threads = values
        first, count, step = (cgutils.alloca_once_value(builder, value) for value in (_POINTER(None), parts, _I64(1)))
        shared = [first, count, step, builder.inttoptr(frame, _POINTER)]
        with builder.if_else(cgutils.is_null(builder, parallel_for)) as (alone, together):
            with alone:
                builder.call(builder.inttoptr(function, _RANGE.as_pointer()), shared)
            with together:
                loop = builder.inttoptr(parallel_for, _PARALLEL_FOR.as_pointer())
                inner_sizes, addresses = _I64(0), _I64(1)
                builder.call(
                    loop,
                    [builder.inttoptr(function, _POINTER), *shared, inner_sizes, addresses,
                     builder.trunc(threads, _I32)],
                )  # fmt: skip
        return builder.load(builder.inttoptr(frame, _WORD))

    return INT(*[INT] * 5), codegen


_run = as_intrinsic(_starting, _starting, ["function", "frame", "parts", "parallel_for", "threads"])


@jit
def _start(table):
    for function, frame, parts, parallel_for, threads in table:
        if _run(function, frame, parts, parallel_for, threads) != 0:
            raise RuntimeError("a kernel has failed")
