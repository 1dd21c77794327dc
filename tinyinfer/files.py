"""Files that appear whole or not at all, and the folder of those that tinyinfer keeps for itself."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` and rename it to ``path`` once the block has ended well.

    An exception inside removes it and leaves what stood at ``path``; OSError if the folder can't be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(part, "xb") as file:  # not tempfile: the result shall have the user's usual permissions
            yield file
        os.replace(part, target)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename == os.fspath(part):
            error.filename = os.fspath(target)  # the name the caller knows
        raise


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
