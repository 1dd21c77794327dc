"""One array in NumPy's .npy format, read without trust in its header and without pickle.

Format: numpy.lib.format, versions 1 to 3: magic, version, header length, a Python dict literal, the elements.
"""

from __future__ import annotations

import ast
import math

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import DEFAULT, Limits

_MAGIC = b"\x93NUMPY"
_DTYPES = ("f2", "f4", "f8", "i8", "i4", "i1", "u1", "b1")
_NAMES = tuple(str(np.dtype(code)) for code in _DTYPES)
_FIELDS = {"descr", "fortran_order", "shape"}


def read_npy(data: bytearray, where: str, limits: Limits = DEFAULT, half: bool = False) -> np.ndarray:
    """The array in the bytes of one .npy file, native, writable and C-contiguous.

    Floats come as float32 whatever their width, except that ``half`` leaves float16 alone; integers and truth values
    come as they are.  Where nothing is to be converted the array is a view of ``data``.  Raises ModelFormatError for
    any other dtype and unless the bytes after the header are exactly those the shape asks for.
    """
    header, start = _header(data, where, limits)
    dtype, shape, fortran = _parse(header, where, limits)
    if math.prod(shape) * dtype.itemsize != len(data) - start:
        sizes = "x".join(map(str, shape))[:60] or "()"
        raise ModelFormatError(f"{where}: expected the bytes of {sizes} {dtype}, found {len(data) - start} bytes")
    array = np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    widened = dtype.kind == "f" and not (half and dtype.itemsize == 2)
    wanted = np.dtype(np.float32) if widened else dtype.newbyteorder("=")
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:  # NumPy computes nonsense with those
        raise ModelFormatError(f"{where}: expected truth values of 0 and 1, found {array.view(np.uint8).max()}")
    with np.errstate(over="ignore"):  # what does not fit float32 becomes infinite, which verify refuses by name
        return np.require(array, wanted, ["C", "A", "W"])


def _header(data: bytearray, where: str, limits: Limits) -> tuple[str, int]:
    """The header's text and where the elements start."""
    if data[:6] != _MAGIC or len(data) < 12:
        raise ModelFormatError(f"{where}: expected a .npy array, found {bytes(data[:6])!r}")
    version = data[6]
    if version not in (1, 2, 3) or data[7] != 0:
        raise ModelFormatError(f"{where}: expected .npy version 1.0 to 3.0, found {version}.{data[7]}")
    start = 10 if version == 1 else 12
    length = int.from_bytes(data[8:start], "little")
    if length > limits.header_bytes or start + length > len(data):
        most = min(len(data) - start, limits.header_bytes)
        raise ModelFormatError(f"{where}: expected a .npy header of at most {most} bytes, found {length} declared")
    try:
        return data[start : start + length].decode("utf-8" if version == 3 else "latin-1"), start + length
    except UnicodeDecodeError:
        raise ModelFormatError(f"{where}: the .npy header is not UTF-8") from None


def _parse(header: str, where: str, limits: Limits) -> tuple[np.dtype, tuple[int, ...], bool]:
    try:
        fields = ast.literal_eval(header.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or set(fields) != _FIELDS:
        found = repr(header[:60])
        raise ModelFormatError(f"{where}: expected a .npy header of descr, fortran_order and shape, found {found}")
    descr, shape, fortran = fields["descr"], fields["shape"], fields["fortran_order"]
    if not isinstance(descr, str) or descr[:1] not in "<>|=" or descr[1:] not in _DTYPES:
        found = repr(str(descr)[:60])
        raise ModelFormatError(f"{where}: expected one of {', '.join(_NAMES)}, found {found}")
    sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not sizes or not isinstance(fortran, bool):
        raise ModelFormatError(f"{where}: expected a shape of non-negative integers, found {str(shape)[:60]}")
    if len(shape) > limits.rank:
        raise ModelFormatError(f"{where}: expected rank at most {limits.rank}, found {len(shape)}")
    if 0 in shape and (wrong := limits.oversized(shape)):  # others are compared with the bytes that are there
        raise ModelFormatError(f"{where}: {wrong}")
    return np.dtype(descr), shape, fortran
