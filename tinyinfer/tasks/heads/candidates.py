"""What every detector's head comes to: boxes, a score for each class, perhaps points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tinyinfer.errors import InputError

Outputs = Mapping[str, np.ndarray]  # a network's outputs by name, of one picture
LARGEST_LOGARITHM = 16.0  # of a side's growth: beyond it a box is larger than any picture


class Candidates(NamedTuple):
    """Boxes (N, 4) as left, top, right, bottom in pixels of the network's input, with probabilities (N, classes).

    ``points`` (N, points, 2) are x and y in the same pixels, for networks that find eyes or joints.
    """

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray | None = None


class DetectionHead(Protocol):
    """How a detector's outputs become `Candidates`; the classes of this folder, with their options as fields."""

    @property
    def overlap(self) -> float:
        """Intersection over union above which the weaker of two boxes of a class is given up."""
        ...

    @property
    def background(self) -> bool:
        """Whether the first class means that there is nothing."""
        ...

    @property
    def open_ended(self) -> bool:
        """Whether there may be more classes than the outputs show."""
        ...

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """All candidates, for an input of ``size`` (height, width).  Raises InputError for other outputs."""
        ...


def grow(logarithms: np.ndarray) -> np.ndarray:
    """e to the power of the logarithm of a side, bounded."""
    return np.asarray(np.exp(np.minimum(np.asarray(logarithms, np.float64), LARGEST_LOGARITHM)))


def corners(centres: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) of centres (N, 2) and sides (N, 2)."""
    return np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)


def rows(y: np.ndarray, name: str = "output") -> np.ndarray:
    """An output of one picture, (1, N, C) or maps (1, C, H, W), as rows (N, C) in float64, finite.

    Pixels of maps come row by row.  Raises InputError.
    """
    if y.ndim not in (3, 4) or y.shape[0] != 1:
        raise InputError(f"{name}: expected shape (1, rows, numbers) or (1, channels, height, width), found {y.shape}")
    found = y[0] if y.ndim == 3 else y[0].reshape(y.shape[1], -1).T
    if not np.isfinite(found).all():
        raise InputError(f"{name}: expected finite numbers, found some that are not")
    return np.asarray(found, np.float64)


def grid(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Rows and columns of a map: each halving on the way to it rounded up."""
    return -(-size[0] // stride), -(-size[1] // stride)


def cells(size: tuple[int, int], strides: Sequence[int], offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Corners (N, 2) of all maps' pixels as x and y in the input, moved by ``offset`` of one, and their strides (N, 1).

    Map by map, row by row, pixel by pixel.
    """
    places, steps = [], []
    for stride in strides:
        high, wide = grid(size, stride)
        y, x = np.divmod(np.arange(high * wide), wide)
        places.append((np.stack([x, y], axis=1) + offset) * stride)
        steps.append(np.full((high * wide, 1), float(stride)))
    return np.concatenate(places), np.concatenate(steps)


def expect_rows(found: np.ndarray, count: int, name: str = "output") -> np.ndarray:
    """The same rows.  Raises InputError unless there are so many."""
    if len(found) != count:
        raise InputError(f"{name}: expected {count} rows for an input of this size, found {len(found)}")
    return found


def by_role(outputs: Outputs, chosen: Mapping[str, str] | None, roles: Sequence[str]) -> dict[str, np.ndarray] | None:
    """The outputs that a description names, by their roles; None if it names none.  Raises InputError."""
    if not chosen:
        return None
    found = {}
    for role in roles:
        name = chosen.get(role, role)
        if name not in outputs:
            raise InputError(f"outputs: expected one called {name[:80]!r} for {role}, found {', '.join(outputs)[:200]}")
        found[role] = outputs[name]
    return found


def sole(outputs: Outputs) -> np.ndarray:
    """The only output.  Raises InputError if there are several."""
    if len(outputs) != 1:
        raise InputError(f"outputs: expected one, found {', '.join(outputs)[:200]}")
    return next(iter(outputs.values()))
