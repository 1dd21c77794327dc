"""What a function works on, kept in memory as a C struct, and machine code that calls the function with it.

    byte 0    int64_t failed     not 0 after an exception in any part
         8    args               the function's arguments in turn, as Numba lays out a tuple of them: integers, floats,
                                 arrays as (owner, ..., size, address, shape, strides), structs field by field

For each function, and the types of what it is given, Numba compiles what in C would be

    void run_parts(int64_t *first, int64_t *count, int64_t *steps, struct arguments *s) {
        for (int64_t part = *first; part < *first + *count; part++)
            if (function(part, s->args) raised)
                s->failed = 1;
    }

which is what Numba's threading layers can call: a thread starts parts by one call, without Python, whatever they take.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

import numpy as np
from llvmlite import ir

from tinyinfer.kernels.codegen.jit import as_intrinsic, integer_function, jit
from tinyinfer.kernels.codegen.numba_internals import Helper, cgutils, types
from tinyinfer.kernels.codegen.structs import ADDRESS, INT, Kind, argument_kinds, flattener, named_type, with_names

_I64 = ir.IntType(64)
POINTER, WORD = ir.IntType(8).as_pointer(), _I64.as_pointer()
# run_parts: [first part], [count], steps, argument struct
RANGE = ir.FunctionType(ir.VoidType(), [POINTER.as_pointer(), WORD, WORD, POINTER])
_ARGS = 8  # where they begin, in bytes


def fill(store: Any, args: tuple[Any, ...]) -> tuple[int, int, Any]:
    """Address of the code, address of a new argument struct, and what has to be kept while they are used.

    Raises TypeError for an argument that is no such struct as the function has in its annotations.
    """
    # Numba looks at structs far longer than at tuples, in every call
    plain = tuple([part(arg) if part else arg for part, arg in zip(store.flatteners, args, strict=True)])
    struct = np.zeros(store(0, plain), np.uint8)
    address = struct.ctypes.data
    return store(address, plain), address, (struct, args)


@integer_function
def run(builder, function, struct, first, count):
    """Run some parts; not 0 after an exception in any."""
    steps = _I64(1)
    given = [cgutils.alloca_once_value(builder, value) for value in (builder.inttoptr(first, POINTER), count, steps)]
    builder.call(builder.inttoptr(function, RANGE.as_pointer()), [*given, builder.inttoptr(struct, POINTER)])
    word = builder.inttoptr(struct, WORD)
    failed = builder.load(word)
    with builder.if_then(cgutils.is_not_null(builder, failed), likely=False):
        builder.store(_I64(0), word)
    return failed


def storing(body: Helper, kinds: Mapping[str, Kind]) -> Any:
    """Compiled ``store(struct, args)``: writes a struct, gives the address of ``run_parts``; for 0 the size of one.

    ``kinds`` are those of arguments that have no annotation.
    """
    function = body.py_func
    found = argument_kinds(function, kinds)[1:]

    def definition(typingctx: Any, struct: Any, args: Any) -> Any:
        named = map(named_type, args.types, found)
        called = body._numba_type_.get_call_type(typingctx, (INT, *named), {})

        def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return _emit_store(context, builder, body.dispatcher.get_compile_result(called), args, *values)

        return INT(ADDRESS, args), codegen

    # Numba names what it keeps on disk after the function, and takes it for outdated when the function's file changes;
    # what a function closes over would be new to it in every process, what is global would not
    place = function.__code__
    code = _store.__code__.replace(co_filename=place.co_filename, co_firstlineno=place.co_firstlineno)
    store = FunctionType(code, {"emit": as_intrinsic(definition, function, ["struct", "args"])})
    store.__module__, store.__qualname__ = function.__module__, function.__qualname__
    compiled = jit(store)
    compiled.flatteners = tuple(map(flattener, found))
    return compiled


def _store(struct, args):
    return emit(struct, args)  # noqa: F821


def _emit_store(context, builder, compiled, args, struct, values):
    kind = context.get_value_type(args)
    function = ir.Function(builder.module, RANGE, builder.module.get_unique_name("run_parts"))
    function.linkage = "internal"
    _emit_run_parts(context, ir.IRBuilder(function.append_basic_block()), function.args, compiled, kind)
    context.active_code_library.add_linking_library(compiled.library)
    given = builder.icmp_unsigned("!=", struct, _I64(0))
    with builder.if_then(given):
        place = builder.inttoptr(builder.add(struct, _I64(_ARGS)), kind.as_pointer())
        builder.store(_without_owners(context, builder, args, values), place, align=8)
    size = _I64(_ARGS + context.get_abi_sizeof(kind))
    return builder.select(given, builder.ptrtoint(function, _I64), size)


def _emit_run_parts(context, b, given, compiled, kind):
    """The body of ``run_parts``."""
    first, count, _, struct = given
    described = compiled.fndesc
    callee = context.declare_function(b.module, described)
    args = b.load(b.bitcast(b.gep(struct, [_I64(_ARGS)]), kind.as_pointer()), align=8)
    values = [with_names(context, b, b.extract_value(args, i), named) for i, named in enumerate(described.argtypes[1:])]
    start = b.ptrtoint(b.load(first), _I64)
    with cgutils.for_range(b, b.load(count)) as loop:
        status, _ = context.call_conv.call_function(
            b, callee, described.restype, described.argtypes, [b.add(start, loop.index), *values]
        )
        with b.if_then(status.is_error, likely=False):
            b.store(_I64(1), b.bitcast(struct, WORD))
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
