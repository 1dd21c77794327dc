"""What an ONNX file says about its model beside the network."""

from __future__ import annotations

import os
from typing import Any

from tinyinfer.formats.json_reader import parse_json
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.npz.meta import check_meta
from tinyinfer.formats.onnx.reading.messages import OnnxModel

OURS = "tinyinfer"  # the producer whose properties are JSON texts


def read_metadata(model: OnnxModel, where: str, limits: Limits) -> dict[str, Any]:
    """The metadata of a model that was exported from here; else its producer and properties, under "onnx".

    Raises ModelFormatError for metadata of ours that is not of the right types.
    """
    file = os.path.basename(where)
    if model.producer.split(" ")[0] == OURS:
        texts = model.metadata.items()
        meta = {key: parse_json(text.encode(), f"{where}: metadata {key[:80]!r}", limits) for key, text in texts}
        return {"source": file} | check_meta(meta, f"{where}: metadata", limits)
    facts: dict[str, Any] = {"producer": _printable(model.producer), "opset": model.opsets.get("", 0)}
    if model.metadata:
        facts["properties"] = {_printable(key): _printable(text) for key, text in model.metadata.items()}
    return {"name": os.path.splitext(file)[0], "source": file, "onnx": facts}


def _printable(text: str) -> str:
    """A text that may be shown in a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
