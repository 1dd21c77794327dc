"""State dicts, which files of weights are read as: their keys renamed by rules, a network filled without leniency."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import Graph, Shape, TensorType
from tinyinfer.weights import Source, Weights

LISTED = 20  # keys named in full in an error; the rest are counted
_COUNTER = "num_batches_tracked"  # batch norm's count of training steps: of no use in inference


@dataclass(frozen=True)
class Checkpoint:
    """A state dict in its order, as writable C-contiguous arrays of their stored dtype.

    ``notes`` say what was chosen where there was a choice, ``metadata`` are texts that the file holds beside it.
    """

    state: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def map_keys(state: Mapping[str, np.ndarray], rules: Sequence[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Rename keys by ordered (regular expression, replacement) rows, each applied to what the last left.

    Raises WeightsError if two keys become one.
    """
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]
    renamed: dict[str, np.ndarray] = {}
    origin: dict[str, str] = {}
    for key, array in state.items():
        new = key
        for pattern, replacement in compiled:
            new = pattern.sub(replacement, new)
        if new in renamed:
            raise WeightsError(f"the key map turns both {origin[new]!r} and {key!r} into {new!r}")
        renamed[new], origin[new] = array, key
    return renamed


def load_weights(graph: Graph, state: Mapping[str, np.ndarray], *, where: str, ignore: Iterable[str] = ()) -> None:
    """Fill ``graph.weights`` from a state dict that must match it key for key and shape for shape.

    Floats of any width become float32, unless the network says float16; what is float32 already is taken over without
    a copy.  Weights that are not floats must be of the network's dtype.  The weights of a linear layer
    and of a 1x1 convolution are the same matrix, so either fits the other.  Keys that a pattern of
    ``ignore`` matches from their start (auxiliary heads), and batch norm's num_batches_tracked, are left out.
    Raises WeightsError listing every missing, unexpected and mis-shaped key at once; ``graph`` is then unchanged.
    """
    patterns = list(ignore)
    given = Weights(state).select({key: key for key in state if is_needed(key, graph, patterns)})
    missing = [_show(key) for key in graph.weights if key not in given]
    unexpected = [_show(key) for key in given if key not in graph.weights]
    misfits = [_misfit(key, graph.weights, given) for key in graph.weights if key in given]
    parts = [
        _listing(found, what)
        for found, what in (
            (missing, "missing"),
            (unexpected, "unexpected"),
            ([misfit for misfit in misfits if misfit], "mis-shaped"),
        )
        if found
    ]
    if parts:
        raise WeightsError(f"{where}: the weights do not fit the network: {'; '.join(parts)}")
    for key in graph.weights:
        graph.weights[key] = _fitted(given.entry(key), graph.weights.shape(key), graph.weights.dtype(key))


def _fitted(found: np.ndarray | Source, shape: Shape, dtype: np.dtype) -> np.ndarray | Source:
    """What was found as an array of this shape and dtype, or left in its file."""
    if not isinstance(found, np.ndarray):
        return found if (found.shape, found.dtype) == (shape, dtype) else _fitted(found.fetch(), shape, dtype)
    with np.errstate(over="ignore"):  # what does not fit float32 becomes infinite, which verify refuses by name
        return np.require(found, dtype, ["C", "A"]).reshape(shape)


def is_needed(key: str, graph: Graph, ignore: Sequence[str]) -> bool:
    """Whether a state dict's key must be one of the network's: not a counter, nor matched by an ``ignore`` pattern."""
    return key in graph.weights or not (key.endswith(_COUNTER) or any(re.match(pattern, key) for pattern in ignore))


def fits(expected: Shape, found: Shape) -> bool:
    """Whether an array of one shape can fill a slot of the other: equal but for the 1x1 map at the end of either."""
    return _matrix(expected) == _matrix(found)


def _matrix(shape: Shape) -> Shape:
    return shape[:-2] if len(shape) in (3, 4) and shape[-2:] == (1, 1) else shape


def _misfit(key: str, wanted: Weights, given: Weights) -> str:
    expected, dtype, shape = wanted.shape(key), given.dtype(key), given.shape(key)
    float32 = wanted.dtype(key) == np.float32
    if dtype.kind != "f" if float32 else dtype != wanted.dtype(key):
        return f"{_show(key)} (expected {wanted.dtype(key)}, found {dtype})"
    if not (fits(expected, shape) if float32 else expected == shape):
        return f"{_show(key)} (expected {TensorType(expected)}, found {TensorType(shape)})"
    return ""


def _show(key: str) -> str:
    return repr(key if len(key) <= 100 else f"{key[:97]}...")


def _listing(found: list[str], what: str) -> str:
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return f"{len(found)} {what}: {', '.join(found[:LISTED])}{more}"
