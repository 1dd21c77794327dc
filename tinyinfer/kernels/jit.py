"""The one place where Numba is configured: how kernels are compiled, and where the results are kept.

Numba's own cache does not notice a change in a helper of another file, so the cache folder's name carries
a hash of all kernel sources; a source edit, another Numba or another CPU simply starts an empty folder.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
from numba import config

Function = TypeVar("Function", bound=Callable[..., Any])


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: ``TINYINFER_CACHE_DIR``, or the user's cache folder."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(f"{numba.__version__} {sys.version_info[:2]} {llvm.get_host_cpu_name()}".encode())
    return user_cache() / "kernels" / digest.hexdigest()[:16]


def user_cache() -> Path:
    """The folder that holds everything tinyinfer keeps between runs."""
    chosen = os.environ.get("TINYINFER_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tinyinfer"


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


def _decorate(function: Function, parallel: bool) -> Function:
    if not cache_is_writable():
        return numba.njit(nogil=True, parallel=parallel)(function)  # type: ignore[no-any-return]
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())  # read by Numba while it decorates, so it is ours only for that moment
    try:
        return numba.njit(nogil=True, parallel=parallel, cache=True)(function)  # type: ignore[no-any-return]
    finally:
        config.CACHE_DIR = before


def jit(function: Function) -> Function:
    """Compile a kernel at its first call; it releases the GIL and is kept on disk."""
    return _decorate(function, parallel=False)


def jit_parallel(function: Function) -> Function:
    """Like `jit`, with ``prange`` loops spread over threads; compile only where threads pay."""
    return _decorate(function, parallel=True)


def inline(function: Function) -> Function:
    """A helper that is compiled into its callers and never kept by itself."""
    return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]
