"""The one place where Numba is configured: how kernels are compiled, as tasks call them, as helpers, and shared."""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar

import llvmlite.binding as llvm
from llvmlite import ir

from tinyinfer.kernels.codegen.kept_code import KeptCode
from tinyinfer.kernels.codegen.numba_internals import (
    Helper,
    c_function,
    cgutils,
    compiler_lock,
    config,
    dispatcher,
    intrinsic,
    types,
)
from tinyinfer.kernels.codegen.structs import Kind, accepted_type, numba_type, unwrap, wrap

# GNU OpenMP reads this when the first parallel region loads it.  By default an idle thread spins for milliseconds
# after a run, on a core that others may need; with 1,000 spins it falls asleep between calls of a small network, and
# has to be woken
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")

# Numba's own order begins with TBB, which it finds where another library, such as OpenVINO, has loaded it: small
# networks take clearly longer with it
if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
    config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function at its first call; it releases the GIL and is kept on disk."""
    return dispatcher(function, KeptCode(function))


def inline(function: Function) -> Function:
    """A helper that is compiled into its callers and never kept by itself.

    LLVM knows it by module, name and a number that counts up in each process.  So what a factory makes gets names of
    its own: else a helper that came with a caller from disk could stand in for a sister that is compiled now.  A name
    is that of the file in which the factory is called, and counts up in that file alone: files come in any order.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    file = frame.f_globals["__name__"].rpartition(".")[2]
    name = f"{function.__module__}.{function.__qualname__}_{file}"
    _named[name] += 1
    function.__qualname__ += f"_{file}_{_named[name]}"
    return Helper(function)


_named: Counter[str] = Counter()  # how many helpers were made under a name; the order is that of the file


def shared(name: str | None = None, /, **arguments: Kind) -> Callable[[Any], Any]:
    """Compile a function of numbers and structs once for all kernels that call it.

    Each keyword names an argument and its kind, as for a vector function.  A function with a ``name`` is one that
    `inline` or `vector_function` has made, in a factory.

    LLVM would otherwise optimise it anew in every caller, which for the GEMM microkernel is most of what the first run
    waits for.  Callers reach it through a symbol of the process, which `load` has to define before any of them runs, or
    by its address (`at_address`).
    """
    kinds = tuple(arguments.values())

    def decorate(function: Any) -> Any:
        source = function if name is None else _calling(function, name)
        _define(symbol_of(source), kinds if name is None else (kinds,), source)

        def emit(builder: ir.IRBuilder, values: Sequence[Any]) -> None:
            call_shared(builder, source, values)

        return as_intrinsic(defined_by(kinds, emit), source, list(arguments))

    return decorate


def at_address(**arguments: Kind) -> Callable[[Any], Any]:
    """A function of an address and these arguments: it calls what `shared` compiled under a name.

    So one kernel serves for many such functions, of which none is compiled before it is needed.
    """
    kinds = tuple(arguments.values())

    def decorate(function: Any) -> Any:
        def emit(builder: ir.IRBuilder, values: Sequence[Any]) -> None:
            address, *given = values
            value = unwrap(builder, given, kinds)
            kind = ir.FunctionType(ir.VoidType(), [value.type])
            builder.call(builder.inttoptr(unwrap(builder, address, "address"), kind.as_pointer()), [value])

        return as_intrinsic(defined_by(("address", *kinds), emit), function, ["address", *arguments])

    return decorate


def defined_by(kinds: tuple[Kind, ...], emit: Callable[[ir.IRBuilder, Sequence[Any]], None]) -> Callable[..., Any]:
    """How Numba types and emits a call of a function of these arguments, which ``emit`` gets in our words."""

    def definition(typingctx: Any, *given: Any) -> Any:
        accepted = [accepted_type(*pair) for pair in zip(given, kinds, strict=True)]

        def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            cases = zip(accepted, values, kinds, strict=True)
            emit(builder, [wrap(context, builder, *case) for case in cases])
            return context.get_dummy_value()

        return types.void(*accepted), codegen

    return definition


def call_shared(builder: ir.IRBuilder, function: Any, arguments: Sequence[Any]) -> None:
    """Emit a call of what `shared` has decorated, with arguments as vector functions have them."""
    symbol = symbol_of(function)
    kinds, _ = _sources[symbol]
    given = [arguments] if any(isinstance(kind, tuple) for kind in kinds) else arguments
    values = [unwrap(builder, value, kind) for value, kind in zip(given, kinds, strict=True)]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), values)


def _calling(function: Any, name: str) -> Any:
    """A function of a tuple of arguments, which calls what was made in a factory, under a name of its own.

    The latter is global to it: what a function closes over would be new to Numba's cache in every process.
    """
    place = inspect.unwrap(function.py_func if hasattr(function, "py_func") else function).__code__
    code = _call.__code__.replace(co_filename=place.co_filename, co_firstlineno=place.co_firstlineno)
    calling = FunctionType(code, {"function": function}, name)
    calling.__module__, calling.__qualname__, calling.__doc__ = function.__module__, name, function.__doc__
    return calling


def _call(arguments):
    function(*arguments)  # noqa: F821


def load(*functions: Any) -> None:
    """Compile what `shared` has decorated, or get it from disk, unless that has been done."""
    for function in functions:
        symbol = symbol_of(function)
        with _loading:
            if symbol not in _loaded:
                kinds, source = _sources[symbol]
                _loaded[symbol] = c_function(source, types.void(*map(numba_type, kinds)), KeptCode(source))
                llvm.add_symbol(symbol, _loaded[symbol].address)


def address_of(function: Any) -> int:
    """Where the machine code is of what `shared` has decorated; it is loaded if need be."""
    load(function)
    return int(_loaded[symbol_of(function)].address)


def symbol_of(function: Any) -> str:
    """The name by which machine code calls what `shared` has decorated."""
    return f"{function.__module__}.{function.__qualname__}"


def _define(symbol: str, kinds: tuple[Kind, ...], function: Callable[..., None]) -> None:
    """Note what `load` will compile; raises ValueError for a symbol of another function, which callers would reach."""
    if symbol in _sources:
        raise ValueError(f"{symbol}: expected one shared function of this name, found a second")
    _sources[symbol] = kinds, function


_sources: dict[str, tuple[tuple[Kind, ...], Callable[..., None]]] = {}  # kinds of arguments, and the function
_loaded: dict[str, Any] = {}  # the machine code behind the symbols
_loading = threading.RLock()

if hasattr(os, "register_at_fork"):  # a fork waits for what is being compiled: its child would wait for that forever
    for lock in (compiler_lock, _loading):  # those that come last are taken first, as `load` does
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def as_intrinsic(definition: Callable[..., Any], named_after: Callable[..., Any], arguments: list[str]) -> Any:
    """A Numba intrinsic with these arguments; ``definition`` gets the typing context and their types."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(definition, attribute, getattr(named_after, attribute))
    definition.__wrapped__ = named_after
    definition.__signature__ = inspect.Signature(
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in ["typingctx", *arguments]]
    )
    return intrinsic(definition)


def integer_function(emit: Callable[..., Any]) -> Any:
    """A Numba intrinsic of 64-bit integers; ``emit(builder, *values)`` returns the result, or None for 0."""
    names = list(inspect.signature(emit).parameters)[1:]

    def definition(typingctx: Any, *_: Any) -> Any:
        def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            result = emit(builder, *values)
            return ir.IntType(64)(0) if result is None else result

        return types.intp(*[types.intp] * len(names)), codegen

    made = as_intrinsic(definition, emit, names)
    made.emit = emit
    return made
