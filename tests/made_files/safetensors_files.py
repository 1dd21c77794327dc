"""Writes safetensors files, well formed and hostile, byte by byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def entry(dtype: str, shape: tuple[int, ...], begin: int, end: int) -> dict[str, Any]:
    """What a header says of an array."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def file(header: str | bytes | Mapping[str, Any], data: bytes = b"", length: int | None = None) -> bytes:
    """A file of this header, whose length is right unless given, and these bytes."""
    text = json.dumps(header) if isinstance(header, Mapping) else header
    text = text.encode() if isinstance(text, str) else text
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def of_arrays(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file of these arrays, in their order."""
    names = {"float32": "F32", "float16": "F16", "float64": "F64", "int64": "I64", "uint8": "U8", "bool": "BOOL"}
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata is not None else {}
    data = b""
    for name, array in arrays.items():
        header[name] = entry(names[str(array.dtype)], array.shape, len(data), len(data) + array.nbytes)
        data += array.tobytes()
    return file(header, data)


def index(weight_map: Mapping[str, str]) -> bytes:
    """The index of shards."""
    return json.dumps({"metadata": {"total_size": 4}, "weight_map": dict(weight_map)}).encode()
