"""ONNX files of bytes that a test has made, loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinyinfer.formats.onnx.load import load
from tinyinfer.graph import Graph


def loaded(content: bytes, folder: Path, **options: Any) -> tuple[Graph, dict[str, Any]]:
    """The network and the metadata of a file with this content."""
    path = folder / "net.onnx"
    path.write_bytes(content)
    return load(path, **options)
