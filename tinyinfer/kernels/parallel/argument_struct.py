"""What a function works on, kept in memory: a frame of arguments, and machine code that reads them there.

A frame begins with a word that is not 0 after an exception; the arguments follow.  The code is what Numba's threading
layers call: a function of a range of parts.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from llvmlite import ir

from tinyinfer.kernels.codegen.jit import as_intrinsic, inline, integer_function, jit
from tinyinfer.kernels.codegen.numba_internals import cgutils, types
from tinyinfer.kernels.codegen.structs import ADDRESS, INT, argument_kinds, flattener, named_type, with_names

_I64 = ir.IntType(64)
POINTER, WORD = ir.IntType(8).as_pointer(), _I64.as_pointer()
# a range of parts, as Numba's threading layers call them: [first part], [count], steps, frame
RANGE = ir.FunctionType(ir.VoidType(), [POINTER.as_pointer(), WORD, WORD, POINTER])
_FAILED = 8  # bytes of the first word


def fill(store: Any, args: tuple[Any, ...]) -> tuple[int, int, Any]:
    """Address of the code, address of a new frame with these arguments, and what has to be kept while they are used.

    Raises TypeError for an argument that is no such struct as the function has in its annotations.
    """
    # Numba would look at structs for 80 us a call, a hundred times as long as at tuples
    plain = tuple([part(arg) if part else arg for part, arg in zip(store.flatteners, args, strict=True)])
    frame = np.zeros(store(0, plain), np.uint8)
    address = frame.ctypes.data
    return store(address, plain), address, (frame, args)


@integer_function
def run(builder, function, frame, first, count):
    """Run some parts; not 0 after an exception in any."""
    steps = _I64(1)
    given = [cgutils.alloca_once_value(builder, value) for value in (builder.inttoptr(first, POINTER), count, steps)]
    builder.call(builder.inttoptr(function, RANGE.as_pointer()), [*given, builder.inttoptr(frame, POINTER)])
    word = builder.inttoptr(frame, WORD)
    failed = builder.load(word)
    with builder.if_then(cgutils.is_not_null(builder, failed), likely=False):
        builder.store(_I64(0), word)
    return failed


def storing(function: Callable[..., None]) -> Any:
    """Compiled ``store(frame, args)``: writes a frame, gives the address of what runs parts with it; its size for 0."""
    body, kinds = inline(function), argument_kinds(function)[1:]

    def definition(typingctx: Any, frame: Any, args: Any) -> Any:
        named = map(named_type, args.types, kinds)
        called = types.Dispatcher(body).get_call_type(typingctx, (INT, *named), {})

        def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return _emit_store(context, builder, body.get_compile_result(called), args, *values)

        return INT(ADDRESS, args), codegen

    # Numba names what it keeps on disk after the function, and takes it for outdated when the function's file changes;
    # what a function closes over would be new to it in every process, what is global would not
    place = function.__code__
    code = _store.__code__.replace(co_filename=place.co_filename, co_firstlineno=place.co_firstlineno)
    store = FunctionType(code, {"emit": as_intrinsic(definition, function, ["frame", "args"])})
    store.__module__, store.__qualname__ = function.__module__, body.py_func.__qualname__
    compiled = jit(store)
    compiled.flatteners = tuple(map(flattener, kinds))
    return compiled


def _store(frame, args):
    return emit(frame, args)  # noqa: F821


def _emit_store(context, builder, compiled, args, frame, values):
    kind = context.get_value_type(args)
    function = ir.Function(builder.module, RANGE, builder.module.get_unique_name("parts"))
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
    values = [with_names(context, b, b.extract_value(args, i), named) for i, named in enumerate(described.argtypes[1:])]
    start = b.ptrtoint(b.load(first), _I64)
    with cgutils.for_range(b, b.load(count)) as loop:
        status, _ = context.call_conv.call_function(
            b, callee, described.restype, described.argtypes, [b.add(start, loop.index), *values]
        )
        with b.if_then(status.is_error, likely=False):
            b.store(_I64(1), b.bitcast(frame, WORD))
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
