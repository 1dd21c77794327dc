"""What people really have in the place of a checkpoint, told by its first bytes."""

from __future__ import annotations

from typing import BinaryIO

from tinyinfer.errors import ModelFormatError, TinyInferError, UnsupportedOpError

_HTML = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"7z\xbc\xaf\x27\x1c": ("7z", "7z x"),
    b"Rar!": ("RAR", "unrar"),
}
_OTHERS = {
    b"\x89HDF": "an HDF5 file, as Keras writes",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "one NumPy array (.npy)",
    b"GGUF": "a GGUF file",
}


def mistaken(file: BinaryIO, where: str) -> TinyInferError | None:
    """The error for a file that is something else, with what to do about it; None where nothing is known of it."""
    file.seek(0)
    head = file.read(512)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return ModelFormatError(f"{where}: not a torch checkpoint: found an empty file; download it again")
    if start.startswith(b"version https://git-lfs"):
        return ModelFormatError(
            f"{where}: a git-lfs pointer, not the checkpoint it points to: fetch that with 'git lfs pull'"
        )
    if start.startswith(_HTML):
        return ModelFormatError(
            f"{where}: a web page (HTML), not a checkpoint: the server's error or sign-in page; download it again"
        )
    if start.startswith(b"{") and b'"' in start and not _is_safetensors(head):
        return ModelFormatError(f"{where}: a JSON text, not a checkpoint: perhaps a server's error message")
    for magic, (kind, tool) in _COMPRESSED.items():
        if head.startswith(magic):
            return UnsupportedOpError(f"{where}: compressed by {kind}: unpack it first ({tool})")
    if head[257:262] == b"ustar":
        return UnsupportedOpError(f"{where}: a tar archive (torch 0.1's format, or unpack it first)")
    if _is_safetensors(head):
        return UnsupportedOpError(f"{where}: a safetensors file, not a torch checkpoint")
    if head[4:8] == b"TFL3":
        return UnsupportedOpError(f"{where}: a TensorFlow Lite model, which can't be read; a torch checkpoint can")
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            return UnsupportedOpError(f"{where}: {what}, which can't be read; a torch checkpoint can")
    return None


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**27
