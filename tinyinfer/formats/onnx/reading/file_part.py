"""A stretch of an open file that is not in memory: what is large in a model file is read once, into its own array."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, overload

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.npz.extent import Extent
from tinyinfer.weights import Shape, Stored

WINDOW = 2**16  # bytes read at a time where single ones are asked for


class OpenFile:
    """A file from which parts are read."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self.file, self.path = file, path
        self.size = file.seek(0, 2)
        self._start, self._window = 0, b""

    def byte(self, at: int) -> int:
        """One byte, and those near it with it."""
        if not 0 <= at - self._start < len(self._window):
            self.file.seek(at)
            self._start, self._window = at, self.file.read(WINDOW)
            if not self._window:
                raise ModelFormatError(f"{self.path}: the file has become shorter while it was read")
        return self._window[at - self._start]

    def fill(self, at: int, target: memoryview) -> None:
        """Read as many bytes as the target has."""
        self.file.seek(at)
        if self.file.readinto(target) != len(target):  # type: ignore[attr-defined]
            raise ModelFormatError(f"{self.path}: the file has become shorter while it was read")


@dataclass(frozen=True)
class FilePart:
    """``size`` bytes from ``start`` on; like a memoryview, a slice of it is a part as well and costs nothing."""

    source: OpenFile
    start: int
    size: int

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
        """The bytes, in memory of their own."""
        data = memoryview(bytearray(self.size))
        self.source.fill(self.start, data)
        return data

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
