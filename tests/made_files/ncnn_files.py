"""Writes ncnn networks, well formed and hostile: lines of a .param, and the bytes of a .bin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

MAGIC = "7767517"
FLOAT16 = 0x01306B47
INT8 = 0x000D4B38


def param(lines: Sequence[str], *, layers: int | None = None, blobs: int | None = None, magic: str = MAGIC) -> str:
    """The text of these layers; counts are right unless given."""
    written = sum(int(line.split()[3]) for line in lines) if blobs is None else blobs
    return "\n".join([magic, f"{len(lines) if layers is None else layers} {written}", *lines, ""])


def plain(array: np.ndarray) -> bytes:
    """float32 numbers without a word before them."""
    return np.asarray(array, "<f4").tobytes()


def tagged(array: np.ndarray) -> bytes:
    """Numbers behind the word for their dtype: float32, float16 or int8."""
    flag = {"float32": 0, "float16": FLOAT16, "int8": INT8}[str(array.dtype)]
    return _aligned(flag.to_bytes(4, "little") + array.astype(array.dtype.newbyteorder("<")).tobytes())


def table(values: np.ndarray, indices: np.ndarray, flag: int = 1) -> bytes:
    """Bytes that are indices of 256 numbers."""
    return _aligned(flag.to_bytes(4, "little") + plain(values) + np.asarray(indices, np.uint8).tobytes())


def _aligned(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def write(folder: Path, lines: Sequence[str], weights: bytes = b"", name: str = "net") -> Path:
    """Both files; returns the path of the .param."""
    path = folder / f"{name}.param"
    path.write_text(param(lines))
    path.with_suffix(".bin").write_bytes(weights)
    return path
