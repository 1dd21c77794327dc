"""What an ONNX file says of itself: all of a model's metadata if it is of ours, class names if others wrote them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from tinyinfer.formats.json_reader import parse_json
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.npz.meta import check_meta
from tinyinfer.formats.onnx.reading.messages import OnnxModel

OURS = "tinyinfer"  # the producer that `exporting` writes
CLASS_NAMES = "names"  # Ultralytics' key, with a dictionary as Python prints it


def read_metadata(model: OnnxModel, where: str, limits: Limits) -> dict[str, Any]:
    """The metadata of a file, checked as that of a .npz is.  Raises ModelFormatError if it is not what we write."""
    if model.producer == OURS:
        texts = {key: text.encode() for key, text in model.metadata.items()}
        found = {key: parse_json(text, f"{where}: metadata: {key[:80]!r}", limits) for key, text in texts.items()}
        return check_meta(found, f"{where}: metadata", limits)
    labels = _class_names(model.metadata.get(CLASS_NAMES, ""), limits)
    return check_meta({"labels": labels}, f"{where}: metadata", limits) if labels else {}


def _class_names(text: str, limits: Limits) -> list[str] | None:
    """The names in "{0: 'person', 1: 'bicycle'}" if they are of the classes from 0 on; None for anything else."""
    if len(text) > limits.text_length:
        return None
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if not isinstance(found, Mapping) or set(found) != set(range(len(found))):
        return None
    names = [found[index] for index in range(len(found))]
    return names if all(isinstance(name, str) for name in names) else None
