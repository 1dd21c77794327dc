"""Arrays in files beside the model, which are opened only where they lie in its folder.

A location is a name that the model's author chose: an absolute path, "..", or a link that leads out of the folder would
read whatever the user may read (onnx issues 3991, 4400, 7686 and 7717).
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import PurePosixPath, PureWindowsPath
from types import TracebackType

import numpy as np

from tinyinfer.formats.limits import Limits
from tinyinfer.formats.onnx.reading.file_part import FilePart, OpenFile
from tinyinfer.formats.onnx.reading.wire import Message

LONGEST_NUMBER = 20  # digits of 2**64


class DataFiles:
    """The files in a model's folder, open while the model is read.

    ``origins`` are the arrays that have been read as they stand in a file, and where.
    """

    def __init__(self, model: str, limits: Limits) -> None:
        self.folder = os.path.dirname(os.path.abspath(model))
        self.origins: list[tuple[np.ndarray, FilePart]] = []
        self._limits = limits
        self._files: dict[str, OpenFile] = {}
        self._read: dict[str, int] = {}  # bytes of each file
        self._stack = ExitStack()

    def __enter__(self) -> DataFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def part(self, location: str, offset: str, length: str | None, expected: int, message: Message) -> FilePart:
        """So many bytes as are expected, where a tensor says that they are; raises ModelFormatError if they are not."""
        path = self._inside(location, message)
        file = self._files.get(path) or self._open(path, location, message)
        start = _number(offset, "offset", message)
        size = file.size - start if length is None else _number(length, "length", message)
        if size != expected:
            raise message.error(f"external data: expected a length of {expected} bytes, found {size}")
        if start + size > file.size:
            found = f"{size} bytes from {start} on in a file of {file.size}"
            raise message.error(f"external data {location[:80]!r}: expected bytes within the file, found {found}")
        self._read[path] = self._read.get(path, 0) + size
        most = min(file.size * self._limits.sharing, self._limits.total_bytes)
        if self._read[path] > most:  # a small file could stand for any number of large arrays
            raise message.error(
                f"external data {location[:80]!r}: expected tensors of at most {most} bytes, found more"
            )
        return FilePart(file, start, size)

    def _open(self, path: str, location: str, message: Message) -> OpenFile:
        try:
            file = self._stack.enter_context(os.fdopen(os.open(path, _FLAGS), "rb"))
        except OSError as error:
            raise message.error(f"external data {location[:80]!r} can't be read: {error.strerror or error}") from None
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise message.error(f"external data {location[:80]!r}: expected a file, found something else")
        if found.st_nlink > 1:
            why = "found one that has another name elsewhere (a hard link)"
            raise message.error(f"external data {location[:80]!r}: expected a file of the model's folder, {why}")
        self._check_total(found.st_size, message)
        self._files[path] = OpenFile(file, path)
        return self._files[path]

    def _check_total(self, size: int, message: Message) -> None:
        total, most = size + sum(file.size for file in self._files.values()), self._limits.total_bytes
        if total > most:
            raise message.error(f"external data: expected at most {most} bytes in all, found {total}")
        if len(self._files) >= self._limits.data_files:
            raise message.error(f"external data: expected at most {self._limits.data_files} files, found more")

    def _inside(self, location: str, message: Message) -> str:
        """The path that a location stands for; raises ModelFormatError unless it lies in the model's folder."""
        for flavour in (PurePosixPath(location), PureWindowsPath(location)):
            if not location or flavour.anchor or ".." in flavour.parts:
                raise message.error(f"external data: expected a path in the model's folder, found {location[:80]!r}")
        if not location.isprintable():
            raise message.error(f"external data: expected a path of printable characters, found {location[:80]!r}")
        folder, path = os.path.realpath(self.folder), os.path.realpath(os.path.join(self.folder, location))
        if os.path.commonpath([folder, path]) != folder:
            why = "found a link that leads out of it"
            raise message.error(f"external data {location[:80]!r}: expected a file in the model's folder, {why}")
        return path


# a path that is found to be a link by now has been exchanged; opening a pipe would wait for its other end
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _number(text: str, what: str, message: Message) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise message.error(f"external data: {what}: expected a number from 0 on, found {text[:80]!r}")
    return int(text)
