"""Axes of blobs, which have no batch, as dimensions of values, which begin with it."""

from __future__ import annotations

from tinyinfer.errors import GraphError


def dimension(axis: int, rank: int) -> int:
    """The dimension of a value of this rank that an axis of its blob is, counted from the front or from the end.

    Raises GraphError where there is none.
    """
    if not 1 - rank <= axis < rank - 1:
        raise GraphError(f"axis: expected {1 - rank} to {rank - 2}, found {axis}")
    return axis + 1 if axis >= 0 else axis + rank
