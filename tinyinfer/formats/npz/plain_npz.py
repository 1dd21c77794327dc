"""State dicts kept as plain arrays in a .npz, as ``numpy.savez(path, **state)`` writes them."""

from __future__ import annotations

import os

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.npz.archive import Archive
from tinyinfer.formats.npz.model_file import DOCUMENT
from tinyinfer.formats.npz.npy import read_npy


def read_arrays(path: str | os.PathLike[str], limits: Limits = DEFAULT) -> dict[str, np.ndarray] | None:
    """The arrays by key, or None when the file is a model file of ours.  Raises ModelFormatError."""
    where = os.fspath(path)
    try:
        with open(path, "rb") as stream, Archive(stream, str(where), limits) as archive:
            if f"{DOCUMENT}.npy" in archive.names:
                return None
            return {
                name.removesuffix(".npy"): read_npy(archive.read(name), f"{where}: {name!r}", limits)
                for name in archive.names
            }
    except OSError as error:
        raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None
