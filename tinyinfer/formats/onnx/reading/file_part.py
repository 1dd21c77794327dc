"""A stretch of an open file that is not in memory: what is large in a model file is read once, into its own array."""

from __future__ import annotations

import zlib
from functools import partial
from typing import BinaryIO, NoReturn, overload

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.npz.extent import Extent
from tinyinfer.weights import Shape, Stored

WINDOW = 2**16  # bytes read at a time where few are asked for
FEW = 2**8


class OpenFile:
    """A file from which parts are read; what lies near the last small one is kept in a window."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self.file, self.path = file, path
        self.size = file.seek(0, 2)
        self._start, self._stop, self._window = 0, 0, memoryview(b"")

    def byte(self, at: int) -> int:
        """One byte."""
        if not self._start <= at < self._stop:
            self._move(at)
        return self._window[at - self._start]

    def bytes(self, at: int, size: int) -> memoryview:
        """Some bytes, in memory of their own unless they are few."""
        if size > FEW:
            data = memoryview(bytearray(size))
            self.fill(at, data)
            return data
        if not self._start <= at <= at + size <= self._stop:
            self._move(at)
        data = self._window[at - self._start : at - self._start + size]
        return data if len(data) == size else self._shorter()

    def fill(self, at: int, target: memoryview) -> None:
        """Read as many bytes as the target has."""
        self.file.seek(at)
        if self.file.readinto(target) != len(target):  # type: ignore[attr-defined]
            self._shorter()

    def _move(self, at: int) -> None:
        self.file.seek(at)
        self._window = memoryview(self.file.read(WINDOW))
        self._start, self._stop = at, at + len(self._window)
        if not self._window and at < self.size:
            self._shorter()

    def _shorter(self) -> NoReturn:
        raise ModelFormatError(f"{self.path}: the file has become shorter while it was read")


class FilePart:
    """``size`` bytes from ``start`` on; like a memoryview, a slice of it is a part as well and costs nothing."""

    __slots__ = ("size", "source", "start")

    def __init__(self, source: OpenFile, start: int, size: int) -> None:
        self.source, self.start, self.size = source, start, size

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> FilePart: ...

    def __getitem__(self, index: int | slice) -> int | FilePart:
        if isinstance(index, int):
            return self.source.byte(self.start + index)
        start, stop, _ = index.indices(self.size)
        return FilePart(self.source, self.start + start, stop - start)

    def read(self) -> memoryview:
        """The bytes."""
        return self.source.bytes(self.start, self.size)

    def array(self, dtype: np.dtype, shape: Shape) -> np.ndarray:
        """The bytes as an array of this shape, which takes them all, in memory of its own."""
        array = np.empty(shape, dtype)
        if array.size:
            self.source.fill(self.start, _octets(array))
        return array

    def stored(self, array: np.ndarray, name: str) -> Stored:
        """That array as one which can be let go and read again."""
        extent = Extent(self.source.path, self.start, self.size, self.size, zlib.crc32(_octets(array)), False)
        return Stored(array, partial(_read_again, extent, array.dtype, array.shape, name))


def _octets(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _read_again(extent: Extent, dtype: np.dtype, shape: Shape, name: str) -> np.ndarray:
    return np.frombuffer(extent.read(f"weight {name!r}"), dtype).reshape(shape)
