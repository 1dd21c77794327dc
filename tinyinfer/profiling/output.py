"""Reports on disk: whole or not at all."""

from __future__ import annotations

import os

from tinyinfer.formats.writing import atomic_write


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text to a temporary file beside ``path`` and rename it; raises OSError when that can't be done."""
    with atomic_write(path) as file:
        file.write(text.encode())
