"""``read_network``: the network in a file of any format that holds one."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.suffixes import NPZ, Format, by_name
from tinyinfer.graph import Graph, Shape


def read_network(
    path: Path,
    found: Format,
    input_shapes: Mapping[str, Shape] | None = None,
    limits: Limits = DEFAULT,
    dequantize: bool = False,
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of a file of this format, with the network's task where that shows.

    ``input_shapes`` says, for inputs whose sizes the file leaves free, which they usually are; ``dequantize`` asks for
    float32 where the file computes with quantised numbers, other than an .npz file, which is as it was saved.  Raises
    ModelFormatError for a file that is damaged, UnsupportedOpError for what networks here lack, GraphError and
    WeightsError for a network that is not well formed.
    """
    reader = importlib.import_module(found.reader)
    if found is NPZ:
        graph, meta = reader.load(path, limits)
        return graph, meta
    from tinyinfer.tasks.recognise import recognised  # brings in every kind of head, which no file of ours needs

    graph, meta = reader.load(path, input_shapes, limits, dequantize=dequantize)
    if by_name(path.name) is not found:
        meta["notes"] = [*meta.get("notes", ()), f"it is read as {found.name}, which it is in spite of its name"]
    try:
        return graph, {"name": path.stem, **recognised(graph, meta)}
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from None
