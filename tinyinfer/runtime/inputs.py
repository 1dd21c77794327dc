"""What a caller hands to a network, as the arrays that plans take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Shape, TensorType
from tinyinfer.ops.base import random_values


def check_inputs(graph: Graph, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrays of the inputs' dtypes by name, in the graph's order; the given ones where they have them already.

    Inputs of floats take any numbers, those of integers integers that fit, those of truth values nothing else.
    Raises InputError for missing and unknown names and for other arrays.  Shapes are the plan's to check.
    """
    wanted = [i.name for i in graph.inputs]
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InputError(f"inputs: expected arrays by name ({', '.join(wanted)}), found {type(given).__name__}")
    if sorted(given) != sorted(wanted):
        raise InputError(f"inputs: expected {', '.join(wanted)}; found {', '.join(given) or 'none'}")
    return {i.name: _fitted(i.name, _as_array(i.name, given[i.name]), np.dtype(i.dtype)) for i in graph.inputs}


# kinds of dtypes that an input takes, by its own kind
_TAKES = {"f": ("fiu", "numbers"), "i": ("iu", "integers"), "u": ("iu", "integers"), "b": ("b", "truth values")}


def _fitted(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if array.dtype == dtype:
        return array
    kinds, what = _TAKES[dtype.kind]
    if array.dtype.kind not in kinds:
        raise InputError(f"input {name!r}: expected {what}, found dtype {array.dtype}")
    if dtype.kind in "iu" and array.size:
        limits, least, most = np.iinfo(dtype), int(array.min()), int(array.max())
        if least < limits.min or most > limits.max:
            found = least if least < limits.min else most
            raise InputError(f"input {name!r}: expected {limits.min} to {limits.max} for {dtype}, found {found}")
    with np.errstate(over="ignore"):  # what is too large for a float is infinite
        return array.astype(dtype)


def _as_array(name: str, value: Any) -> np.ndarray:
    """An array of what may be a tensor or nested lists, whose libraries raise errors of their own kinds."""
    try:
        return np.asarray(value)
    except Exception as error:
        found = " ".join(str(error).split())
        raise InputError(
            f"input {name!r}: expected numbers, found {type(value).__name__} that NumPy can't read: {found}"
        ) from error


def random_inputs(graph: Graph, shapes: Mapping[str, Shape], seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays of these shapes for the graph's inputs, the same for every seed: normally distributed if of floats."""
    rng = np.random.default_rng(seed)
    return {i.name: _random(i.type_for(shapes[i.name]), rng) for i in graph.inputs}


def _random(kind: TensorType, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(kind.shape, np.float32) if kind.dtype == "float32" else random_values(kind, rng)
