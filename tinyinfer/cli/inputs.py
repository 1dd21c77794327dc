"""What a network is run on: shapes and files given on the command line, a picture, random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinyinfer.cli.options import usage
from tinyinfer.errors import GraphError, InputError, ModelFormatError

if TYPE_CHECKING:
    import numpy as np

    from tinyinfer.graph import Graph, Shape
    from tinyinfer.model import Model


def parse_shapes(text: str | None) -> dict[str, tuple[int, ...]]:
    """ "1x3x224x224" or "ids=1x128,mask=1x128" as integers by input name; "" is the first input's."""
    found = {}
    for part in text.split(",") if text is not None else ():
        name, _, sizes = part.rpartition("=")
        numbers = sizes.lower().split("x")
        if not all(number.isdecimal() and int(number) > 0 for number in numbers) or name in found:
            raise usage(f"--input: expected sizes as 1x3x224x224, or NAME=SIZES for each input, found {text!r}")
        found[name] = tuple(map(int, numbers))
    return found


def named_shapes(graph: Graph, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The same by the names that the network's inputs have.  Raises InputError for others."""
    names = [i.name for i in graph.inputs]
    found = {name or names[0]: shape for name, shape in shapes.items()}
    for name in found:
        if name not in names:
            raise InputError(f"--input: expected one of the inputs {', '.join(names)}, found {name!r}")
    return found


def input_arrays(
    model: Model,
    image: Path | None = None,
    shapes: Mapping[str, Shape] | None = None,
    files: Mapping[str, Path] | None = None,
) -> dict[str, np.ndarray]:
    """An array for each input: from its file, the picture as the model wants it, or else random numbers.

    The picture is for the first input that no file is for.  ``shapes`` are those of the random numbers, nominal ones
    where left out.  Raises ImageError, InputError and ModelFormatError.
    """
    from tinyinfer.runtime.inputs import random_inputs

    found = {name: read_array(path) for name, path in named_files(model.graph, files or {}).items()}
    missing = [i.name for i in model.graph.inputs if i.name not in found]
    if image is not None:
        from tinyinfer.vision.preprocess import prepare

        if not missing:
            raise InputError(f"{image}: --inputs leaves no input for a picture")
        found[missing.pop(0)] = prepare(image, model.preprocess)
    if missing:
        given = named_shapes(model.graph, shapes or {})
        try:
            random = random_inputs(model.graph, model.graph.input_shapes(given))
        except GraphError as error:
            raise InputError(str(error)) from None
        found |= {name: random[name] for name in missing}
    return {i.name: found[i.name] for i in model.graph.inputs}


def parse_files(texts: Sequence[str] | None) -> dict[str, Path]:
    """Repeated NAME=FILE.npy options as paths by input name; "" where there is a file alone."""
    found: dict[str, Path] = {}
    for text in texts or ():
        name, _, path = text.rpartition("=") if "=" in text else ("", "", text)
        if not path or name in found:
            raise usage(f"--inputs: expected NAME=FILE.npy, each name once, found {text!r}")
        found[name] = Path(path)
    return found


def named_files(graph: Graph, files: Mapping[str, Path]) -> dict[str, Path]:
    """The same by the names that the network's inputs have.  Raises InputError for others."""
    names = [i.name for i in graph.inputs]
    if "" in files and len(names) > 1:
        raise InputError(f"--inputs: expected NAME=FILE.npy, for the network has the inputs {', '.join(names)}")
    found = {name or names[0]: path for name, path in files.items()}
    for name in found:
        if name not in names:
            raise InputError(f"--inputs: expected one of the inputs {', '.join(names)}, found {name!r}")
    return found


def read_array(path: Path) -> np.ndarray:
    """The array of a .npy file.  Raises InputError if it can't be read or is none."""
    from tinyinfer.formats.limits import DEFAULT
    from tinyinfer.formats.npz.npy import read_npy

    try:
        with open(path, "rb") as file:
            data = bytearray(file.read(DEFAULT.total_bytes + 1))
        if len(data) > DEFAULT.total_bytes:
            raise InputError(f"{path}: expected at most {DEFAULT.total_bytes} bytes")
        return read_npy(data, str(path))
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from None
    except ModelFormatError as error:
        raise InputError(str(error)) from None
