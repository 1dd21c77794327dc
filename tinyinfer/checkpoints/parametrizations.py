"""Weights that training keeps as several arrays, put together as inference needs them.

| what | keys of a weight | weight |
| --- | --- | --- |
| weight norm (Salimans and Kingma 2016) | ``_g``, ``_v``; or ``original0``, ``original1`` | g v / abs(v) |
| spectral norm (Miyato et al. 2018) | ``_orig``, ``_u``, ``_v``; or ``original``, ``0._u``, ``0._v`` | W / (u' W v) |
| pruning (torch.nn.utils.prune) | ``_orig``, ``_mask`` | W * mask |

The second set of names is that of torch.nn.utils.parametrizations, below ``parametrizations.<role>.``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from tinyinfer.errors import WeightsError

State = Mapping[str, np.ndarray]
_Combine = Callable[..., np.ndarray]

_NEW = re.compile(r"(?P<layer>(?:.*\.)?)parametrizations\.(?P<role>\w+)\.(?P<rest>original\d?|0\._[uv])")
_OLD = re.compile(r"(?P<weight>.+)_(?P<rest>g|v|u|orig|mask)")


def fold_parametrizations(state: State, *, where: str) -> dict[str, np.ndarray]:
    """The state dict with the parts of each weight replaced by the weight, where its first part stood.

    A part without its partners is left as it is.  Raises WeightsError where the shapes of parts do not fit, a
    direction has no length, or the weight is there too.
    """
    folded: dict[str, np.ndarray] = {}
    used: set[str] = set()
    for key, array in state.items():
        if key in used:
            continue
        found = _parts(key, state)
        if found is None:
            folded[key] = array
            continue
        weight, combine, parts = found
        if weight in state:
            raise WeightsError(f"{where}: {key!r} is a part of a weight, but {weight!r} is there too")
        folded[weight] = combine(f"{where}: {key!r}", *(state[part] for part in parts))
        used.update(parts)
    return folded


def _parts(key: str, state: State) -> tuple[str, _Combine, list[str]] | None:
    """The weight that a key is a part of, how its parts are combined, and the keys of all of them."""
    if new := _NEW.fullmatch(key):
        stem = key.removesuffix(new["rest"])
        weight, ways = f"{new['layer']}{new['role']}", _NEW_WAYS
    elif old := _OLD.fullmatch(key):
        stem, weight, ways = f"{old['weight']}_", old["weight"], _OLD_WAYS
    else:
        return None
    for combine, names in ways:
        parts = [stem + name for name in names]
        if key in parts and all(part in state for part in parts):
            return weight, combine, parts
    return None


def _pruned(what: str, original: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if original.shape != mask.shape:
        raise WeightsError(f"{what}: a mask of shape {mask.shape} does not fit weights of {original.shape}")
    return np.asarray(np.where(mask != 0, original * mask.astype(original.dtype), 0), original.dtype)


def _spectral(what: str, original: np.ndarray, u: np.ndarray, v: np.ndarray | None = None) -> np.ndarray:
    # torch takes output channels as rows; they are the second axis of a transposed convolution
    axes = [axis for axis in (0, 1) if axis < original.ndim and (original.shape[axis],) == u.shape]
    if not axes:
        raise WeightsError(f"{what}: a singular vector of shape {u.shape} does not fit weights of {original.shape}")
    matrix = np.moveaxis(original, axes[0], 0).reshape(u.size, -1).astype(np.float64)
    if v is not None and v.shape != matrix.shape[1:]:
        raise WeightsError(f"{what}: a singular vector of shape {v.shape} does not fit weights of {original.shape}")
    right = u @ matrix if v is None else v
    sigma = float(u @ matrix @ (right / np.linalg.norm(right) if v is None else right))
    if not abs(sigma) > 0:
        raise WeightsError(f"{what}: expected a singular value other than 0, found {sigma:g}")
    return np.asarray(original / sigma, np.float32)


def _normed(what: str, length: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The norm is over the dimensions in which g has a single element; of a number without dimensions, over all."""
    shape = length.shape or (1,) * direction.ndim
    if len(shape) != direction.ndim or any(n not in (1, m) for n, m in zip(shape, direction.shape, strict=True)):
        raise WeightsError(f"{what}: a length of shape {length.shape} does not fit a direction of {direction.shape}")
    v = direction.astype(np.float64)
    axes = tuple(axis for axis, n in enumerate(shape) if n == 1)
    norm = np.sqrt(np.square(v).sum(axes, keepdims=True))
    if not np.all(norm > 0):
        raise WeightsError(f"{what}: the direction of some of its weights has no length")
    return np.asarray(length.reshape(shape) * v / norm, np.float32)


_OLD_WAYS: tuple[tuple[_Combine, tuple[str, ...]], ...] = (
    (_pruned, ("orig", "mask")),
    (_spectral, ("orig", "u", "v")),
    (_spectral, ("orig", "u")),
    (_normed, ("g", "v")),
)
_NEW_WAYS: tuple[tuple[_Combine, tuple[str, ...]], ...] = (
    (_spectral, ("original", "0._u", "0._v")),
    (_normed, ("original0", "original1")),
)
