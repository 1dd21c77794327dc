"""Weights as a .safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.files import atomic_write
from tinyinfer.formats.safetensors.description import to_texts
from tinyinfer.formats.safetensors.header import BFLOAT16, DTYPES, LENGTH, METADATA

ALIGNMENT = 8  # of the first array, so that a reader may take arrays where they lie
_NAMES = {np.dtype(code).newbyteorder("<"): name for name, code in DTYPES.items() if name != BFLOAT16}


def save(
    path: str | os.PathLike[str],
    weights: Mapping[str, np.ndarray],
    meta: Mapping[str, Any] | None = None,
    half: bool = False,
) -> None:
    """Write a state dict; ``half`` stores float32 as float16.  The file appears whole or not at all.

    Of a model's metadata go along, as texts, what `to_texts` takes of it, so that `tinyinfer.convert` knows the network
    again and what it is for; "format" is what other readers ask for.  The same weights always give the same bytes.
    Raises WeightsError for what float16 can't hold.
    """
    arrays = {key: _stored(key, array, half) for key, array in weights.items()}
    # larger elements first, so that all lie at multiples of their size
    order = sorted(arrays, key=lambda key: (-arrays[key].itemsize, key))
    text, at = {METADATA: {"format": "pt"} | to_texts(meta or {})}, 0
    entries: dict[str, Any] = {}
    for key in order:
        array = arrays[key]
        offsets = [at, at + array.nbytes]
        entries[key] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": offsets}
        at += array.nbytes
    header = json.dumps(text | entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % ALIGNMENT)
    with atomic_write(path) as file:
        file.write(len(header).to_bytes(LENGTH, "little"))
        file.write(header)
        for key in order:
            file.write(arrays[key].tobytes())


def _stored(key: str, array: np.ndarray, half: bool) -> np.ndarray:
    if half and array.dtype == np.float32:
        with np.errstate(over="ignore"):
            found = array.astype("<f2")
        if not np.isfinite(found[np.isfinite(array)]).all():
            raise WeightsError(f"weight {key!r}: too large for float16")
        return found
    return np.asarray(array, array.dtype.newbyteorder("<"))
