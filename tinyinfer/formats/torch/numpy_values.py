"""NumPy arrays inside a pickle, of the plain numeric types; what else NumPy writes there stays inert.

Format: ``numpy.ndarray.__reduce__``: ``_reconstruct(ndarray, (0,), b"b")``, and by BUILD (version, shape, dtype,
whether in Fortran order, bytes); with pickle's protocol 5 ``_frombuffer(bytes, dtype, shape, order)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyinfer.formats.limits import DEFAULT
from tinyinfer.formats.torch.pickle_reader import Inert, Machine

_PLAIN = {
    f"{kind}{size}" for kind, sizes in (("f", (2, 4, 8)), ("iu", (1, 2, 4, 8))) for kind in kind for size in sizes
}
_PLAIN.add("b1")


class DType(Inert):
    """A dtype: its code, and by BUILD its byte order."""

    def code(self) -> str | None:
        """What NumPy calls a plain numeric dtype, such as "<f4"; None for any other."""
        code = self.arguments[0] if self.arguments else None
        if code not in _PLAIN if isinstance(code, str) else True:
            return None
        order = self.state[1] if isinstance(self.state, tuple) and len(self.state) > 1 else "<"
        return f"{'>' if order == '>' else '<'}{code}"


class Array(Inert):
    """An array of numbers, or of something else, in which case it holds nothing."""

    data: bytes = b""
    dtype: str | None = None
    shape: tuple[int, ...] = ()
    order: str = "C"

    def build(self, state: Any, machine: Machine) -> None:
        """Take over what `_reconstruct` left open."""
        if isinstance(state, tuple) and len(state) == 5:
            _, shape, dtype, fortran, data = state
            self.fill(data, dtype, shape, "F" if fortran is True else "C", machine)

    def fill(self, data: Any, dtype: Any, shape: Any, order: Any, machine: Machine) -> None:
        """Take over the elements if they are numbers and as many as the shape says; refuse those that are not."""
        code = dtype.code() if isinstance(dtype, DType) else None
        if code is None or not isinstance(data, bytes):
            return  # an array of objects, say, which has a list instead of bytes
        good = isinstance(shape, tuple) and len(shape) <= 8 and all(type(n) is int and 0 <= n < 2**48 for n in shape)
        if not good or math.prod(shape) * int(code[2:]) != len(data) or DEFAULT.oversized(shape):
            sizes = "x".join(map(str, shape))[:60] if good else "not of numbers"
            machine.fail(f"an array of shape {sizes} and type {code} in {len(data)} bytes")
        self.data, self.dtype, self.shape, self.order = data, code, shape, "F" if order == "F" else "C"

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return len(self.data)

    def array(self) -> np.ndarray:
        """The elements, C-contiguous, in memory of their own and in this machine's byte order."""
        assert self.dtype is not None
        stored = np.frombuffer(self.data, self.dtype.replace("b1", "?")).reshape(self.shape, order=self.order)  # type: ignore[call-overload]
        return np.array(stored, stored.dtype.newbyteorder("="), order="C")


def make_dtype(arguments: tuple[Any, ...], machine: Machine) -> DType:
    """numpy.dtype(code, ...)."""
    return DType("numpy.dtype", arguments)


def reconstruct(arguments: tuple[Any, ...], machine: Machine) -> Array:
    """numpy.core.multiarray._reconstruct(type, (0,), b"b")."""
    return Array("numpy.ndarray")


def from_buffer(arguments: tuple[Any, ...], machine: Machine) -> Array:
    """numpy.core.numeric._frombuffer(bytes, dtype, shape, order)."""
    array = Array("numpy.ndarray")
    if len(arguments) == 4:
        array.fill(*arguments, machine)
    return array


def empty_bytes(arguments: tuple[Any, ...], machine: Machine) -> Any:
    """bytes(): how protocol 2 writes none; bytearray(bytes) likewise."""
    found = arguments[0] if arguments else b""
    return found if isinstance(found, bytes) else Inert("bytes", arguments)


def encode(arguments: tuple[Any, ...], machine: Machine) -> Any:
    """_codecs.encode(text, "latin1"): how protocol 2 writes bytes."""
    text, codec = (*arguments, None, None)[:2]
    if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
        return Inert("_codecs.encode", arguments)
    machine.spend(len(text))
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        machine.fail("bytes written as text beyond latin-1")
