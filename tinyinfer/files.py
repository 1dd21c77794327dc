"""Files that appear whole or not at all, and the folder of those that tinyinfer keeps for itself."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str], durable: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` and rename it to ``path`` once the block has ended well.

    An exception inside removes it and leaves what stood at ``path``; OSError if the folder can't be written.  A
    symbolic link stays one: what it points to is replaced.  A device or pipe is no file to be replaced: it gets all
    the bytes once the block has ended well.  A power cut leaves the old file or the new one, if ``durable``.
    """
    target = Path(os.path.realpath(path))
    try:
        with _stream(path) if _is_stream(path) else _replacement(target, durable) as file:
            yield file
    except OSError as error:
        if error.filename == os.fspath(target):
            error.filename = os.fspath(path)  # the name the caller knows
        raise


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether something stands there that is neither a regular file nor a folder, or belongs to whoever opened it."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    return _descriptor(path) is not None or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _descriptor(path: str | os.PathLike[str]) -> int | None:
    """The number of the open file that a path such as /dev/stdout stands for."""
    names = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", os.fspath(path))
    return int(found[1]) if found else names.get(os.fspath(path))


@contextmanager
def _stream(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Memory whose bytes go to a device or pipe at the end: writers of archives want to go back and forth."""
    content, descriptor = io.BytesIO(), _descriptor(path)
    yield content
    if descriptor == 1:
        sys.stdout.flush()  # what was printed before comes before
    # an open file is not opened again: that would empty it, and a socket can't be
    with open(path if descriptor is None else os.dup(descriptor), "wb") as stream:
        stream.write(content.getbuffer())


@contextmanager
def _replacement(target: Path, durable: bool) -> Iterator[BinaryIO]:
    """A file that takes the target's place."""
    part = target.with_name(f".{target.name[:40]}.{os.urandom(6).hex()}.part")
    try:
        with open(part, "xb") as file:  # not tempfile: the result shall have the user's usual permissions
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, target)
        if durable:
            _sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename == os.fspath(part):
            error.filename = os.fspath(target)
        raise


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk too, where the system can do that for a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a whole UTF-8 file, or nothing; raises OSError when that can't be done."""
    with atomic_write(path) as file:
        file.write(text.encode())


def user_cache() -> Path:
    """The folder of everything that is kept between runs: ``TINYINFER_CACHE_DIR``, or in the user's cache folder.

    Raises RuntimeError where there is no home folder.
    """
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
