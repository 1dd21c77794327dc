"""``load``: a model from a file or from a name.

What a caller names is resolved here, for Python and for the command line: a file, then what was pulled under the name,
then a network to be built.  The last has no trained weights.  `load` gives it random ones, as do the verbs that count,
draw and time; those whose answers would mean nothing (run, eval) or would outlive the command (export) refuse it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.suffixes import CHECKPOINTS, MODEL, UNREADABLE
from tinyinfer.model import Model


def load(
    source: str | os.PathLike[str], threads: int | None = None, kernels: Mapping[str, str] | str | None = None
) -> Model:
    """The model in a .npz file, or a network by name ("mobilenet_v2"), with public weights once they were pulled.

    A name under which nothing was pulled gives the network with seeded random weights, enough to count and to time;
    ``model.meta["published"]`` is only in one that was.  Raises ModelFormatError when there is no such file or it is
    damaged, UnsupportedOpError for other formats and for unknown names.
    """
    path = resolve(source)
    if path is None:
        from tinyinfer.models import make

        return Model(*make(str(source)), threads, kernels)
    from tinyinfer.formats.npz.model_file import load as load_npz

    return Model(*load_npz(path), threads, kernels, verified=True)


def resolve(source: str | os.PathLike[str]) -> Path | None:
    """The model file that is meant: the file of this path, or what was pulled under this name.

    None for a network's name under which nothing was pulled, so that there are no weights but random ones.  Raises
    ModelFormatError for a file that does not exist or is no model, UnsupportedOpError for other formats and for
    unknown names.
    """
    path = Path(source)
    if path.suffix == MODEL:
        return path  # whose reader says it if there is none
    if path.suffix in UNREADABLE:
        raise UnsupportedOpError(f"{path}: files of format {path.suffix} can't be read")
    if path.suffix in CHECKPOINTS:
        raise UnsupportedOpError(f"{path}: convert it first: tinyinfer convert {path} -o {path.with_suffix('.npz')}")
    if path.is_dir():
        raise ModelFormatError(f"{path}: expected a .npz model file, found a folder")
    if path.exists():
        raise ModelFormatError(f"{path}: expected a model file, whose name ends in .npz")
    if path.parent != Path("."):
        raise ModelFormatError(f"{path}: no such file")
    from tinyinfer.hub import local_file

    found = local_file(source)
    if found is None:
        _check_name(str(source))
    return found


def _check_name(name: str) -> None:
    """Raise UnsupportedOpError unless there is a network of this name."""
    from tinyinfer.models import find

    try:
        find(name)
    except UnsupportedOpError as error:
        raise UnsupportedOpError(f"{name}: no such file, and {error}") from None
