"""Files with bytes of their own, as readers open them: a pipe would be waited for, and a device may have no end."""

from __future__ import annotations

import os
import stat
from io import BufferedReader

from tinyinfer.errors import ModelFormatError

FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """The file open for reading.  Raises ModelFormatError if it is none, and OSError."""
    descriptor = os.open(path, FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ModelFormatError(f"{os.fspath(path)}: expected a file, found a pipe, a device or a folder")
    return open(descriptor, "rb")


def read_whole(path: str | os.PathLike[str], most: int) -> bytes:
    """All bytes of a file.  Raises ModelFormatError if it is none, can't be read, or has more than ``most``."""
    where = os.fspath(path)
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise ModelFormatError(f"{where}: expected at most {most} bytes, found {size}")
            return file.read(size)
    except OSError as error:
        raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None
