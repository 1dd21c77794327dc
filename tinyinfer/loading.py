"""``load``: a model from a file or from a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.suffixes import CHECKPOINTS, MODEL, SUFFIXES, UNREADABLE
from tinyinfer.model import Model


def load(
    source: str | os.PathLike[str], threads: int | None = None, kernels: Mapping[str, str] | str | None = None
) -> Model:
    """The model in a .npz file, or a network by name ("mobilenet_v2"), with public weights once they were pulled.

    A name under which nothing was pulled gives the network with seeded random weights, enough to count and to time;
    ``model.meta["published"]`` is only in one that was.  Raises ModelFormatError when there is no such file or it is
    damaged, UnsupportedOpError for other formats and for unknown names.
    """
    path = _pulled(source) or Path(source)
    if path.suffix == MODEL:
        from tinyinfer.formats.npz import load as load_npz

        graph, meta = load_npz(path)
        return Model(graph, meta, threads, kernels, verified=True)
    if path.suffix in UNREADABLE:
        raise UnsupportedOpError(f"{path}: files of format {path.suffix} can't be read")
    if path.suffix in CHECKPOINTS:
        raise UnsupportedOpError(f"{path}: convert it first: tinyinfer convert {path} -o {path.with_suffix('.npz')}")
    check_name(source)
    from tinyinfer.models import make

    return Model(*make(str(source)), threads, kernels)


def _pulled(source: str | os.PathLike[str]) -> Path | None:
    if not isinstance(source, str) or Path(source).suffix in SUFFIXES or Path(source).exists():
        return None
    from tinyinfer.hub import pulled_file

    return pulled_file(source)


def check_name(source: str | os.PathLike[str]) -> None:
    """Raise unless ``source`` names a network: ModelFormatError if it looks like a file, else UnsupportedOpError."""
    from tinyinfer.models import find

    path = Path(source)
    if path.is_dir():
        raise ModelFormatError(f"{path}: expected a .npz model file, found a folder")
    if path.exists():
        raise ModelFormatError(f"{path}: expected a model file, whose name ends in .npz")
    if path.parent != Path("."):
        raise ModelFormatError(f"{path}: no such file")
    try:
        find(str(source))
    except UnsupportedOpError as error:
        raise UnsupportedOpError(f"{source}: no such file, and {error}") from None
