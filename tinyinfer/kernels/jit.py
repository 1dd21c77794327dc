"""The one place where Numba is configured: how kernels are compiled, and where the results are kept.

Numba's own cache does not notice a change in a helper of another file, so the cache folder's name carries
a hash of all kernel sources; a source edit, another Numba or another CPU simply starts an empty folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import config, types
from numba.core import ccallback, cgutils, dispatcher
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys
from numba.extending import intrinsic

from tinyinfer.files import user_cache
from tinyinfer.kernels import cpu
from tinyinfer.kernels.structs import Kind, accepted_type, numba_type, unwrap, wrap

# GNU OpenMP reads this when the first parallel region loads it.  By default an idle thread spins for 7 ms after a run,
# on a core that others may need; with 1,000 spins it falls asleep between calls of a small network: 1.0 ms, not 0.9
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")

# Numba's own order begins with TBB, which it finds where another library, such as OpenVINO, has loaded it: MobileNet V3
# Small takes 1.3 times as long with it
if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
    config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]

Function = TypeVar("Function", bound=Callable[..., Any])


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: ``TINYINFER_CACHE_DIR``, or the user's cache folder."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(f"{numba.__version__} {sys.version_info[:2]} {cpu.signature()}".encode())
    return user_cache() / "kernels" / digest.hexdigest()[:16]


@functools.cache
def cache_is_writable() -> bool:
    """Whether compiled kernels can be kept; warns once when they can't."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        warnings.warn(f"compiled kernels can't be kept ({error}); every process will compile anew", stacklevel=2)
        return False
    return True


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of one function, less the import of the whole compiler before the first load: 0.13 s and 15 MB."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, or None; only Numba's runtime is needed to run it."""
        if not hasattr(self, "_load_overload") or not hasattr(self, "_guard_against_spurious_io_errors"):
            return super().load_overload(sig, target_context)  # another Numba, which may be built otherwise
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


@contextlib.contextmanager
def _caching() -> Iterator[dict[str, bool]]:
    """The options that make Numba keep what is decorated inside, in our folder and no other library's."""
    if not cache_is_writable():
        yield {}
        return
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    dispatcher.FunctionCache = ccallback.FunctionCache = _Cache
    try:
        yield {"cache": True}
    finally:
        config.CACHE_DIR = before
        dispatcher.FunctionCache = ccallback.FunctionCache = FunctionCache


def jit(function: Function) -> Function:
    """Compile a function at its first call; it releases the GIL and is kept on disk."""
    with _caching() as options:
        return numba.njit(nogil=True, no_cfunc_wrapper=True, **options)(function)  # type: ignore[no-any-return]


class _Helper(CPUDispatcher):  # type: ignore[misc]
    """What only compiled functions call: to compile wrappers for Python and C too would take a quarter longer."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.py_func.__qualname__} is compiled into its callers; .py_func is the Python of it")


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
    helper = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    helper.__class__ = _Helper
    return helper  # type: ignore[no-any-return]


_named: Counter[str] = Counter()  # how many helpers were made under a name; the order is that of the file


def shared(name: str | None = None, /, **arguments: Kind) -> Callable[[Any], Any]:
    """Compile a function of numbers and structs once for all kernels that call it.

    Each keyword names an argument and its kind, as for a vector function.  A function with a ``name`` is one that
    `inline` has made, in a factory.

    LLVM would otherwise optimise it anew in every caller, which for the GEMM microkernel is most of what the first run
    waits for.  Callers reach it through a symbol of the process, which `load` has to define before any of them runs.
    """
    kinds = tuple(arguments.values())

    def decorate(function: Any) -> Any:
        source = function if name is None else _calling(function, name)
        _sources[symbol_of(source)] = (kinds if name is None else (kinds,), source)

        def definition(typingctx: Any, *given: Any) -> Any:
            accepted = [accepted_type(*pair) for pair in zip(given, kinds, strict=True)]

            def codegen(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
                cases = zip(accepted, values, kinds, strict=True)
                call_shared(builder, source, [wrap(context, builder, *case) for case in cases])
                return context.get_dummy_value()

            return types.void(*accepted), codegen

        return as_intrinsic(definition, source, list(arguments))

    return decorate


def call_shared(builder: ir.IRBuilder, function: Any, arguments: Sequence[Any]) -> None:
    """Emit a call of what `shared` has decorated, with arguments as vector functions have them."""
    symbol = symbol_of(function)
    kinds, _ = _sources[symbol]
    given = [arguments] if any(isinstance(kind, tuple) for kind in kinds) else arguments
    values = [unwrap(builder, value, kind) for value, kind in zip(given, kinds, strict=True)]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), values)


def _calling(function: Any, name: str) -> Any:
    """A function of a tuple of arguments, which calls what `inline` has made, under a name of its own.

    The latter is global to it: what a function closes over would be new to Numba's cache in every process.
    """
    place = function.py_func.__code__
    code = _call.__code__.replace(co_filename=place.co_filename, co_firstlineno=place.co_firstlineno)
    calling = FunctionType(code, {"function": function}, name)
    calling.__module__, calling.__qualname__, calling.__doc__ = function.__module__, name, function.__doc__
    return calling


def _call(arguments):  # type: ignore[no-untyped-def]
    function(*arguments)  # noqa: F821


def load(*functions: Any) -> None:
    """Compile what `shared` has decorated, or get it from disk, unless that has been done."""
    for function in functions:
        symbol = symbol_of(function)
        with _loading:
            if symbol not in _loaded:
                kinds, source = _sources[symbol]
                with _caching() as options:
                    _loaded[symbol] = numba.cfunc(types.void(*map(numba_type, kinds)), **options)(source)
                llvm.add_symbol(symbol, _loaded[symbol].address)


def symbol_of(function: Any) -> str:
    """The name by which machine code calls what `shared` has decorated."""
    return f"tinyinfer.{function.__name__}"


_sources: dict[str, tuple[tuple[Kind, ...], Callable[..., None]]] = {}  # kinds of arguments, and the function
_loaded: dict[str, Any] = {}  # the machine code behind the symbols
_loading = threading.RLock()

if hasattr(os, "register_at_fork"):  # a fork waits for what is being compiled: its child would wait for that forever
    for lock in (global_compiler_lock, _loading):  # those that come last are taken first, as `load` does
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def as_intrinsic(definition: Callable[..., Any], named_after: Callable[..., Any], arguments: list[str]) -> Any:
    """A Numba intrinsic with these arguments; ``definition`` gets the typing context and their types."""
    definition.__name__, definition.__doc__ = named_after.__name__, named_after.__doc__
    definition.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
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
