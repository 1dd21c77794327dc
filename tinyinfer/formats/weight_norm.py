"""Weight normalisation (Salimans and Kingma 2016), which is for training only: folded when a checkpoint is read."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from tinyinfer.errors import WeightsError

# what torch calls a length: before 2.0, and as a parametrization
_LENGTH = re.compile(r"(?P<old>.*weight)_g|(?P<layer>(?:.*\.)?)parametrizations\.(?P<role>\w+)\.original0")


def fold_weight_norm(state: Mapping[str, np.ndarray], *, where: str) -> dict[str, np.ndarray]:
    """The state dict with every length g and direction v replaced by the weight g * v / |v|.

    Pairs are ``<layer>.weight_g`` and ``_v``, or ``<layer>.parametrizations.weight.original0`` and ``1``; the norm is
    over the dimensions in which g has a single element, of a number without dimensions over all.  A key without its
    partner is left as it is.  Raises WeightsError where the shapes of a pair do not fit or a direction has no length.
    """
    folded: dict[str, np.ndarray] = {}
    directions: set[str] = set()
    for key, array in state.items():
        pair = _pair(key)
        if pair is None or pair[1] not in state:
            folded[key] = array
            continue
        weight, direction = pair
        if weight in state:
            raise WeightsError(f"{where}: {key!r} is the length of a weight, but {weight!r} is there too")
        folded[weight] = _weight(f"{where}: {key!r}", array, state[direction])
        directions.add(direction)
    return {key: array for key, array in folded.items() if key not in directions}


def _pair(key: str) -> tuple[str, str] | None:
    """The names of the weight that a length belongs to and of its direction; None for any other key."""
    found = _LENGTH.fullmatch(key)
    if found is None:
        return None
    if found["old"]:
        return found["old"], f"{found['old']}_v"
    return f"{found['layer']}{found['role']}", f"{key[:-1]}1"


def _weight(what: str, length: np.ndarray, direction: np.ndarray) -> np.ndarray:
    shape = length.shape or (1,) * direction.ndim
    if len(shape) != direction.ndim or any(n not in (1, m) for n, m in zip(shape, direction.shape, strict=True)):
        raise WeightsError(f"{what}: a length of shape {length.shape} does not fit a direction of {direction.shape}")
    v = direction.astype(np.float64)
    axes = tuple(axis for axis, n in enumerate(shape) if n == 1)
    norm = np.sqrt(np.square(v).sum(axes, keepdims=True))
    if not np.all(norm > 0):
        raise WeightsError(f"{what}: the direction of some of its weights has no length")
    return np.asarray(length.reshape(shape) * v / norm, np.float32)
