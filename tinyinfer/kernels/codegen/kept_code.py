"""Machine code on disk: under which key it is kept, and what happens where the disk is read-only, full or damaged.

Numba's own cache does not notice a change in a helper of another file, so the folder's name carries a hash of all
sources that are compiled; a source edit, another Numba or another CPU simply starts an empty folder.  In it every
compiled function is a file of its own: a checksum, then what Numba makes the function from.  Whatever goes wrong with
these files costs time and never a run.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import linecache
import os
import pickle
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinyinfer
from tinyinfer.files import atomic_write, user_cache
from tinyinfer.kernels.codegen import cpu
from tinyinfer.kernels.codegen.numba_internals import dumps, numba, rebuild, reduced, types

ROOT = Path(tinyinfer.__file__).parent
COMPILED = (
    "kernels/**/*.py",
    # for their constants
    *("ops/activation/activation_functions.py", "ops/movement/pad.py", "ops/pooling/*.py", "ops/quantized/*.py"),
    *("ops/detection/*.py", "ops/dtypes.py"),
)
_CHECKSUM = 32  # bytes


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: ``TINYINFER_CACHE_DIR``, or the user's cache folder.

    Raises RuntimeError where there is no home folder.
    """
    return user_cache() / "kernels" / key_of(ROOT)


def key_of(root: Path) -> str:
    """What all compiled functions depend on: sources below the package's folder, versions, CPU and settings."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:2]} {cpu.signature()}".encode())
    for pattern in COMPILED:
        for source in sorted(map(str, root.glob(pattern))):  # as text: paths take longer to compare than files to read
            with open(source, "rb") as file:
                content = file.read()
            name = source[len(str(root)) :].replace(os.sep, "/")
            digest.update(f"\n{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


class KeptCode:
    """The compiled versions of one function on disk, in the form of a Numba cache."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @property
    def cache_path(self) -> str | None:
        """The folder, if there is one, for Numba's statistics."""
        with contextlib.suppress(RuntimeError):
            return str(cache_folder())
        return None

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The function compiled for a signature, or None: then Numba compiles it and hands it to `save_overload`."""
        path = self._path(signature, target_context.codegen())
        try:
            content = path.read_bytes() if path else b""
        except OSError:
            return None
        checksum, payload = content[:_CHECKSUM], content[_CHECKSUM:]
        if hashlib.sha256(payload).digest() != checksum:
            return None
        try:
            return rebuild(target_context, pickle.loads(payload))
        except Exception as error:  # it was written by us, but not for this Python
            _warn(f"a compiled kernel can't be used ({type(error).__name__}: {error}), so that it is compiled anew; "
                  f"if this comes again, delete the folder {cache_folder()}")  # fmt: skip
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled function, if the disk lets us."""
        path = self._path(signature, compiled.codegen)
        if path is None or compiled.library.has_dynamic_globals:  # addresses in this process
            return
        payload = dumps(reduced(compiled))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, durable=False) as file:  # the checksum tells what a power cut has left
                file.write(hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            _warn(f"compiled kernels can't be kept ({error.strerror or error}), so that every process compiles anew; "
                  f"TINYINFER_CACHE_DIR names another folder, and {cache_folder().parent} may be deleted")  # fmt: skip

    def flush(self) -> None:
        """Nothing waits to be written."""

    def _path(self, signature: Any, codegen: Any) -> Path | None:
        """The file for a signature; None where nothing can be kept, as there is no source or no folder."""
        function, code = self._function, self._function.__code__
        source = _digest_of(code.co_filename)
        if source is None:
            return None
        try:
            folder = cache_folder()
        except RuntimeError as error:  # there is no home folder
            _warn(f"compiled kernels can't be kept ({error}); TINYINFER_CACHE_DIR names a folder for them")
            return None
        name = f"{function.__module__}.{function.__qualname__}"
        arguments = getattr(signature, "args", signature)
        what = (name, code.co_firstlineno, source, str(signature), _fields(arguments), codegen.magic_tuple())
        closure = [cell.cell_contents for cell in function.__closure__ or ()]
        key = hashlib.sha256(repr(what).encode() + code.co_code + (dumps(closure) if closure else b""))
        readable = re.sub(r"[^\w.]", "", name)[-100:]
        return folder / f"{readable}-{key.hexdigest()[:20]}.code"


@functools.cache
def _digest_of(file: str) -> str | None:
    """A hash of a function's source file, or of the notebook's cell; None where there is neither."""
    if file in ("<string>", "<stdin>"):  # names of many sources
        return None
    try:
        content = Path(file).read_bytes()
    except OSError:
        content = "".join(linecache.getlines(file)).encode()
    return hashlib.sha256(content).hexdigest() if content else None


def _fields(kind: Any) -> list[Any]:
    """The fields of named tuples among types, which Numba's names for these leave out."""
    inner = [_fields(each) for each in kind] if isinstance(kind, tuple | types.BaseTuple) else []
    return [kind.fields, *inner] if isinstance(kind, types.BaseNamedTuple) else inner


@functools.cache
def _warn(what: str) -> None:
    """Say it once."""
    warnings.warn(what, stacklevel=2)
