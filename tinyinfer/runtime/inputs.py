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
    if sorted(given) != sorted(wanted):
        raise InputError(f"inputs: expected {', '.join(wanted)}; found {', '.join(given) or 'none'}")
    arrays = {}
    for name in wanted:
        array = np.asarray(given[name])
        if array.dtype != np.float32:
            if array.dtype.kind not in "fiu":
                raise InputError(f"input {name!r}: expected numbers, found dtype {array.dtype}")
            array = array.astype(np.float32)
        arrays[name] = array
    return arrays


def random_inputs(shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """Normally distributed float32 arrays of these shapes, the same at every call."""
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
