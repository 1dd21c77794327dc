"""What a file is by its first bytes, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.regular_file import open_regular
from tinyinfer.formats.suffixes import NCNN, NPZ, ONNX, SAFETENSORS, TFLITE, TORCH, Format, by_name

HEAD = 512  # bytes that are looked at
MOST_HEADER = 100_000_000  # bytes of a safetensors header, by its specification

_ZIP_MEMBER = b"PK\x03\x04"
_ZIP_NAME = 30  # where the first member's name begins, whose length stands at 26
_IR_VERSION = 0x08  # the tag of ONNX's first field, which every exporter writes first
_AFTER_IR_VERSION = (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)  # the tags of those that may follow it


def format_of(path: Path) -> Format | None:
    """The format of a file: what its first bytes are a sure sign of, else what its name claims.

    A file that is not there, or is none, has the format of its name: its reader says what is wrong.
    """
    claimed = by_name(path.name)
    found = recognise(_head(path))
    if found is None or (found is NPZ and claimed is TORCH):  # arrays are in either, and both readers say it best
        return claimed
    return found


def recognise(head: bytes) -> Format | None:
    """The format that the first bytes of a file are a sure sign of, or None."""
    if head[4:8] == b"TFL3":
        return TFLITE
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"7767517"):
        return NCNN
    if head[:4] == _ZIP_MEMBER:
        return _of_archive(head)
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= MOST_HEADER:
        return SAFETENSORS
    if len(head) > 2 and head[0] == _IR_VERSION and 0 < head[1] < 0x80 and head[2] in _AFTER_IR_VERSION:
        return ONNX
    return None


def _of_archive(head: bytes) -> Format | None:
    """Which of the zip archives this is, by the name of its first member."""
    name = head[_ZIP_NAME : _ZIP_NAME + int.from_bytes(head[26:28], "little")]
    if name.endswith(b".npy"):
        return NPZ
    return TORCH if name.endswith((b"/data.pkl", b"/.format_version", b"/byteorder")) else None


def _head(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(HEAD)
    except (OSError, ModelFormatError):
        return b""
