"""TFLite Metadata: labels and how pictures are prepared (metadata_schema.fbs, and a zip behind the model)."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.npz.archive import Archive
from tinyinfer.formats.tflite.reading.flatbuffer import FlatBuffer, Table
from tinyinfer.formats.tflite.reading.messages import TfliteModel, TfliteTensor

ATTACHED = "TFLITE_METADATA"
IDENTIFIER = b"M001"
_AXIS_LABELS, _VALUE_LABELS = 2, 3  # AssociatedFileType
_NORMALIZATION = 1  # ProcessUnitOptions
_CHANNELS = {1: "l", 3: "rgb"}
_DIRECTORY_END = b"PK\x05\x06"
_INT8_OFFSET = 128  # of int8 pixels from those of a picture


def read_metadata(model: TfliteModel, data: bytes, where: str, limits: Limits) -> dict[str, Any]:
    """``labels`` and ``preprocess``, as far as the file says them.  Raises ModelFormatError for damaged metadata."""
    meta: dict[str, Any] = {}
    inputs = [model.tensors[index] for index in model.inputs]
    normalization: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    if ATTACHED in model.attached:
        root = FlatBuffer(model.attached[ATTACHED], f"{where}: metadata", limits).root(IDENTIFIER, "TFLite metadata")
        for text, field in (("title", 0), ("description", 1), ("author", 4), ("licence", 5)):
            found = root.text(field, limits.text_length)
            if found and _is_plain(found):
                meta[text] = found
        graphs = list(root.tables(3, "network"))
        if graphs:
            normalization = _normalization(graphs[0])
            labels = _labels(graphs[0], model, data, limits, where)
            if labels:
                meta["labels"] = labels
    prepared = _preprocess(inputs, normalization)
    return {**meta, "preprocess": prepared} if prepared else meta


def _is_plain(text: str) -> bool:
    """Whether a text has no control characters, which metadata here must not have."""
    return text.isprintable()


def _normalization(graph: Table) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Means and deviations of the first input."""
    for tensor in list(graph.tables(2, "input"))[:1]:
        for unit in tensor.tables(4, "process unit"):
            options = unit.table(1, "normalisation") if unit.integer(0, "uint8") == _NORMALIZATION else None
            if options is not None:
                mean, std = options.numbers(0, "float32"), options.numbers(1, "float32")
                if mean is None or std is None or mean.size != std.size or not 0 < mean.size <= 4:
                    raise options.error("expected as many means as deviations")
                return tuple(mean.tolist()), tuple(std.tolist())
    return None


def _preprocess(
    inputs: list[TfliteTensor], normalization: tuple[tuple[float, ...], tuple[float, ...]] | None
) -> dict[str, Any] | None:
    """How a picture becomes the only input; of a quantised one the integers are the pixels."""
    if len(inputs) != 1 or len(inputs[0].nominal) != 4 or inputs[0].nominal[3] not in _CHANNELS:
        return None
    (tensor,) = inputs
    _, height, width, channels = tensor.nominal
    if tensor.quantization is not None and tensor.dtype in ("uint8", "int8"):
        zero, scale = float(tensor.quantization.zero_point[0]), float(tensor.quantization.scale[0])
        offset = _INT8_OFFSET if tensor.dtype == "int8" else 0
        normalization = (zero + offset,), (1 / scale,)
    if normalization is None or min(height, width) < 2:
        return None
    mean, std = normalization
    if len(mean) not in (1, channels) or min(std) <= 0:
        return None
    return {"resize": [height, width], "channels": _CHANNELS[channels], "scale": 1.0, "mean": list(mean),
            "std": list(std)}  # fmt: skip


def _labels(graph: Table, model: TfliteModel, data: bytes, limits: Limits, where: str) -> list[str] | None:
    """The names of the classes: along the first output's last dimension, or for an output whose values are classes."""
    for name, count in _label_files(graph, model):
        if _DIRECTORY_END not in data[-(22 + 0xFFFF) :]:
            raise ModelFormatError(f"{where}: expected a zip archive with {name[:80]!r} behind the model, found none")
        with Archive(io.BytesIO(data), f"{where}: associated files", limits) as archive:
            if archive.size(name) > limits.document_bytes:
                raise ModelFormatError(f"{where}: {name[:80]!r}: expected at most {limits.document_bytes} bytes")
            text = bytes(archive.read(name))
        lines = _lines(text, f"{where}: {name[:80]!r}", limits)
        if count in (None, len(lines)):
            return lines
    return None


def _lines(text: bytes, where: str, limits: Limits) -> list[str]:
    try:
        lines = [line.strip() for line in text.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{where}: expected UTF-8 text ({error.reason} at byte {error.start})") from None
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) > limits.labels:
        raise ModelFormatError(f"{where}: expected at most {limits.labels} labels, found {len(lines)}")
    for line in lines:
        if not _is_plain(line):
            raise ModelFormatError(f"{where}: expected labels without control characters, found {line[:40]!r}")
    return lines


def _label_files(graph: Table, model: TfliteModel) -> Iterator[tuple[str, int | None]]:
    """Files of labels, and how many these have to be if that is known; translations are left out."""
    for index, tensor in enumerate(graph.tables(3, "output")):
        for file in tensor.tables(6, "associated file"):
            kind = file.integer(2, "int8")
            if file.text(3):  # the language
                continue
            if kind == _VALUE_LABELS:
                yield file.text(0), None
            elif kind == _AXIS_LABELS and index == 0 and model.outputs:
                yield file.text(0), math.prod(model.tensors[model.outputs[0]].nominal[-1:])
