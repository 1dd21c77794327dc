"""What tinyinfer uses of Numba beyond its documented interface: all of it is found here, or reported missing at once.

Numba may change any of it in a new version.  `FIRST` and `LAST` are those that the tests have passed with, and the
bounds in pyproject.toml; no other file imports Numba, but to ask for its threading layer.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import os
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from tinyinfer.errors import SetupError

FIRST, LAST = "0.61.0", "0.68.1"
INSTEAD = "kernels='reference' (--kernels reference) does without Numba"


def _threads_do_not_start(error: Exception) -> SetupError:
    names = ("NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_THREADING_LAYER_PRIORITY")
    settings = ", ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)
    return SetupError(
        f"Numba's threads do not start with {settings or 'its defaults'}: {' '.join(str(error).split())} {INSTEAD}"
    )


try:
    import numba
except ValueError as error:  # it counts its threads at once
    raise _threads_do_not_start(error) from None

config, types = numba.config, numba.types
intrinsic, lower_builtin = numba.extending.intrinsic, numba.extending.lower_builtin


def _refuse_what_cannot_compile() -> None:
    """Raise SetupError where Numba was told not to compile, or would hang."""
    if numba.config.DISABLE_JIT:
        raise SetupError(f"NUMBA_DISABLE_JIT is set, so that Numba compiles no kernels: unset it; {INSTEAD}")
    python = ctypes.pythonapi
    python.PyInterpreterState_Get.restype = ctypes.c_void_p
    python.PyInterpreterState_GetID.argtypes = [ctypes.c_void_p]
    python.PyInterpreterState_GetID.restype = ctypes.c_int64
    if python.PyInterpreterState_GetID(python.PyInterpreterState_Get()) != 0:
        raise SetupError(
            "this is a subinterpreter of Python, in which Numba hangs: use the main one, which mod_wsgi does with "
            f"'WSGIApplicationGroup %{{GLOBAL}}'; {INSTEAD}"
        )


_refuse_what_cannot_compile()


def _missing(what: str) -> SetupError:
    return SetupError(
        f"{what} is not in Numba {numba.__version__}, and compiled kernels need it; "
        f"known to work are Numba {FIRST} to {LAST}: pip install 'numba>={FIRST},<={LAST}'; {INSTEAD}"
    )


def _find(module: str, name: str, *attributes: str) -> Any:
    """A name in one of Numba's modules, which has to have these attributes."""
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise _missing(f"{module}.{name}") from None
    for attribute in attributes:
        if not hasattr(found, attribute):
            raise _missing(f"{module}.{name}.{attribute}")
    return found


# words for writing LLVM's instructions
cgutils = _find(
    "numba.core", "cgutils", "alloca_once", "alloca_once_value", "get_or_insert_function", "global_constant",
    "create_constant_array", "for_range", "is_not_null",
)  # fmt: skip
# what a function that writes instructions is given: `argument_struct` asks it for the layout of
# arguments, and calls with it
_find(
    "numba.core.cpu", "CPUContext", "get_value_type", "get_abi_sizeof", "get_dummy_value", "make_array", "call_conv",
    "declare_function", "active_code_library",
)  # fmt: skip
# compiled functions, as Python sees them
CPUDispatcher = _find("numba.core.registry", "CPUDispatcher", "compile", "get_compile_result", "enable_caching")
_find("numba.core.types", "Dispatcher", "get_call_type")
Compiler = _find("numba.core.compiler", "Compiler")
# what a function becomes: an LLVM module that callers link in, then machine code
CodeLibrary = _find(
    "numba.core.codegen", "JITCodeLibrary", "codegen", "_ensure_finalized", "_finalize_final_module",
    "_finalize_dynamic_globals", "_verify_declare_only_symbols",
)  # fmt: skip
CFunc = _find("numba.core.ccallback", "CFunc", "compile", "address", "enable_caching")
# compiled functions, as files: objects that can be pickled, and back
CompileResult = _find("numba.core.compiler", "CompileResult", "_reduce", "_rebuild", "library")
dumps = _find("numba.core.serialize", "dumps")
_runtime = _find("numba.core.runtime", "rtsys", "initialize")
# how a call of a struct's method is typed
templates = _find("numba.core.typing", "templates", "AbstractTemplate", "AttributeTemplate", "infer_getattr")
errors = _find("numba.core", "errors", "TypingError")
typing_of = _find("numba.core", "typing", "signature")
# held by whoever compiles
compiler_lock = _find("numba.core.compiler_lock", "global_compiler_lock", "acquire", "release", "is_locked")
# tells who listens what is being compiled
event = _find("numba.core", "event", "Listener", "register", "unregister")
_parallel = _find("numba.np.ufunc", "parallel", "_launch_threads")

HELPER = {"nopython": True, "nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class _HelperLibrary(CodeLibrary):  # type: ignore[misc, valid-type]
    """Optimised code of a helper for its callers to link in: machine code is made of theirs, which holds it."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """0: nothing is defined by it."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> _HelperLibrary:
        """Where Numba asks for `set_env`."""
        return self

    def set_env(self, name: str, env: Any) -> None:
        """Without machine code there is no place for the objects of Python, which no helper has."""


class _HelperCompiler(Compiler):  # type: ignore[misc, valid-type]
    """Numba's own steps, with a library for linking only."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        self.state.library = _HelperLibrary(self.state.targetctx.codegen(), func.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(func)


class _HelperDispatcher(CPUDispatcher):  # type: ignore[misc, valid-type]
    """Numba's form of a helper: wrappers and machine code of its own would take half of all time."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(py_func=function, targetoptions=dict(HELPER), pipeline_class=_HelperCompiler)


class Helper:
    """What only compiled functions call; Numba's form of it is made when the first of them is compiled.

    Most processes find all callers on disk, and there are hundreds of helpers.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function

    @functools.cached_property
    def dispatcher(self) -> Any:
        """What compiles it."""
        return _HelperDispatcher(self.py_func)

    @property
    def _numba_type_(self) -> Any:  # what Numba asks any object for that a function names
        return self.dispatcher._numba_type_

    def __reduce__(self) -> tuple[type[Helper], tuple[Callable[..., Any]]]:
        return Helper, (self.py_func,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.py_func.__qualname__} is compiled into its callers; .py_func is the Python of it")


def dispatcher(function: Callable[..., Any], cache: Any) -> Any:
    """A function that compiles at its first call, for Python, and is kept by ``cache``; it releases the GIL."""
    made = numba.njit(nogil=True, no_cfunc_wrapper=True)(function)
    return _with_cache(made, cache)


def c_function(function: Callable[..., Any], signature: Any, cache: Any) -> Any:
    """A function that is compiled, or read from ``cache``, at once, for C: ``.address`` is that of its machine code."""
    made = CFunc(function, (signature.args, signature.return_type), locals={}, options={})
    _with_cache(made, cache).compile()
    return made


def _with_cache(made: Any, cache: Any) -> Any:
    """Give one function its cache; Numba's ``cache=True`` would take folder and class from globals of the process."""
    if not hasattr(made, "_cache"):
        raise _missing(f"{type(made).__name__}._cache")
    made._cache = cache
    return made


def reduced(compiled: Any) -> tuple[Any, ...]:
    """What `rebuild` makes a compiled function from: its machine code, and the names that this defines.

    Numba would keep the whole LLVM module, for callers to link in.  Kept functions have none but Python and addresses,
    and to read that module takes longer than all else.
    """
    (name, kind, (code, bitcode)), *rest = compiled._reduce()
    return (name, kind, (code, _names_in(bitcode))), *rest


def _names_in(bitcode: bytes) -> bytes:
    """A module of the same functions without what they do; should one be called, it is the machine code's."""
    names = ir.Module()
    for defined in llvm.parse_bitcode(bitcode).functions:
        if not defined.is_declaration:
            function = ir.Function(names, ir.FunctionType(ir.VoidType(), []), defined.name)
            function.linkage = "available_externally"
            function.attributes.add("noinline")
            function.attributes.add("optnone")
            ir.IRBuilder(function.append_basic_block()).ret_void()
    return bytes(llvm.parse_assembly(str(names)).as_bitcode())


def rebuild(target_context: Any, reduced: tuple[Any, ...]) -> Any:
    """A compiled function from what ``CompileResult._reduce`` gave.

    Only Numba's runtime is needed to run it.  Numba's own caches import the whole compiler first, which takes
    time and memory.
    """
    _runtime.initialize(target_context)
    return CompileResult._rebuild(target_context, *reduced)


def launch_threads() -> int:
    """Start the threads of Numba's threading layer, if they have not been; returns the address of its parallel loop.

    Raises SetupError where Numba's settings keep them from starting.
    """
    try:
        _parallel._launch_threads()
    except ValueError as error:
        raise _threads_do_not_start(error) from None
    return int(llvm.address_of_symbol("numba_parallel_for"))
