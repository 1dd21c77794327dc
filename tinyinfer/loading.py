"""``load``: a model from a file or from a name.

What a caller names is resolved here, for Python and for the command line: a file, then what was pulled under the name,
then what ships under it, then a network to be built.  The last has no trained weights.  `load` gives it random ones, as
do the verbs that count, draw and time; those whose answers would mean nothing (run, eval) or would outlive the command
(export) refuse it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.contents import format_of
from tinyinfer.formats.suffixes import READABLE, TORCH
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.passes.pipeline import Fuse


def load(
    source: str | os.PathLike[str],
    threads: int | None = None,
    kernels: Mapping[str, str] | str | None = None,
    *,
    fuse: Fuse = True,
    input_shapes: Mapping[str, Shape] | None = None,
    dequantize: bool = False,
) -> Model:
    """The model in a file, or a network by name ("mobilenet_v2"), with public weights once they were pulled.

    "mobilenet_v2_cifar10" and its like, of the folder ``weights`` of a checkout, are names too.

    Files may be .npz, .onnx, .tflite, ncnn's .param with its .bin beside it, and .safetensors whose network is
    recognised by its keys.  ``input_shapes`` says, for inputs whose sizes a file leaves free, which they usually are.
    Quantised files are computed with their integers, with ``dequantize`` in float32.  ``threads``, ``kernels`` and
    ``fuse`` are those of `Model`.
    A name under which nothing was pulled gives the network with seeded random weights, enough to count and to time;
    ``model.meta["published"]`` is only in one that was.  Raises ModelFormatError when there is no such file or it is
    damaged, UnsupportedOpError for other formats, for operators that are not known, and for unknown names.
    """
    path = resolve(source)
    if path is None:
        from tinyinfer.models import make

        return Model(*make(str(source)), threads, kernels, fuse)
    found = format_of(path)
    assert found is not None  # or resolve would have refused it
    if found.network:
        from tinyinfer.formats.reading import read_network

        graph, meta = read_network(path, found, input_shapes, dequantize=dequantize)
        return Model(graph, meta, threads, kernels, fuse, verified=True)
    from tinyinfer.checkpoints.conversion import convert

    model = convert(path)
    return Model(model.graph, model.meta, threads, kernels, fuse, verified=True)


def resolve(source: str | os.PathLike[str]) -> Path | None:
    """The model file that is meant: the file of this path, or what was pulled or ships under this name.

    None for a network's name under which there is neither, so that there are no weights but random ones.  Raises
    ModelFormatError for a file that does not exist or is no model, UnsupportedOpError for other formats and for
    unknown names.
    """
    path = Path(source)
    if path.is_dir():
        raise ModelFormatError(f"{path}: expected a model file ({READABLE}), found a folder")
    found = format_of(path)
    if found is TORCH:
        raise UnsupportedOpError(f"{path}: convert it first: tinyinfer convert {path} -o {path.with_suffix('.npz')}")
    if found is not None:
        return path  # whose reader says it if there is none
    if path.exists():
        raise _no_model(path)
    if path.parent != Path("."):
        raise ModelFormatError(f"{path}: no such file")
    from tinyinfer.hub import local_file
    from tinyinfer.published.shipped import shipped_file

    found_by_name = local_file(source) or shipped_file(str(source))
    if found_by_name is None:
        _check_name(str(source))
    return found_by_name


def _no_model(path: Path) -> ModelFormatError:
    """What to say of a file that is none of those that are read."""
    if path.suffix == ".bin" and path.with_suffix(".param").exists():
        return ModelFormatError(f"{path}: these are weights: name the network, {path.with_suffix('.param')}")
    return ModelFormatError(f"{path}: expected a model file, whose name ends in {READABLE}")


def _check_name(name: str) -> None:
    """Raise UnsupportedOpError unless there is a network of this name."""
    from tinyinfer.models import find
    from tinyinfer.published.registry import FILE, entries

    entry = entries().get(name)
    if entry is not None and entry.kind == FILE:
        raise UnsupportedOpError(f"{name}: it has not been pulled: tinyinfer pull {name}")

    try:
        find(name)
    except UnsupportedOpError as error:
        raise UnsupportedOpError(f"{name}: no such file, and {error}") from None
