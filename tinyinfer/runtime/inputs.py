"""What a caller hands to a network, as the arrays that plans take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Shape


def check_inputs(graph: Graph, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Float32 arrays by input name, in the graph's order; the given ones where they are float32 already.

    Raises InputError for missing and unknown names and for anything but numbers.  Shapes are the plan's to check.
    """
    wanted = [i.name for i in graph.inputs]
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InputError(f"inputs: expected arrays by name ({', '.join(wanted)}), found {type(given).__name__}")
    if sorted(given) != sorted(wanted):
        raise InputError(f"inputs: expected {', '.join(wanted)}; found {', '.join(given) or 'none'}")
    arrays = {}
    for name in wanted:
        array = _as_array(name, given[name])
        if array.dtype != np.float32:
            if array.dtype.kind not in "fiu":
                raise InputError(f"input {name!r}: expected numbers, found dtype {array.dtype}")
            array = array.astype(np.float32)
        arrays[name] = array
    return arrays


def _as_array(name: str, value: Any) -> np.ndarray:
    """An array of what may be a tensor or nested lists, whose libraries raise errors of their own kinds."""
    try:
        return np.asarray(value)
    except Exception as error:
        found = " ".join(str(error).split())
        raise InputError(
            f"input {name!r}: expected numbers, found {type(value).__name__} that NumPy can't read: {found}"
        ) from error


def random_inputs(shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """Normally distributed float32 arrays of these shapes, the same at every call."""
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
