"""What an ONNX file says about its model beside the network."""

from __future__ import annotations

import ast
import os
from typing import Any

from tinyinfer.formats.json_reader import parse_json
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.npz.meta import check_meta
from tinyinfer.formats.onnx.reading.messages import OnnxModel

CLASS_NAMES = "names"  # the property in which Ultralytics keeps a dictionary as Python prints it
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
    labels = class_names(model.metadata.get(CLASS_NAMES, ""), limits)
    return {"name": os.path.splitext(file)[0], "source": file, "onnx": facts} | ({"labels": labels} if labels else {})


def class_names(text: str, limits: Limits) -> list[str]:
    """The names in "{0: 'person', 1: 'bicycle'}" if they are those of the classes from 0 on; else none."""
    if len(text) > limits.text_length:
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return []
    if not isinstance(found, dict) or set(found) != set(range(len(found))):
        return []
    names = [found[index] for index in range(len(found))]
    return [_printable(name) for name in names] if all(isinstance(name, str) for name in names) else []


def _printable(text: str) -> str:
    """A text that may be shown in a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
