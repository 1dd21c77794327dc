"""Files that appear whole or not at all."""

from __future__ import annotations

import os
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
