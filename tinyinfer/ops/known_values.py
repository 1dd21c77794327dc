"""Operators worked out where all that they read is known: constants, and sizes while some are known by name only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import TinyInferError
from tinyinfer.ops.base import Op
from tinyinfer.tensor_type import TensorType

MOST_SIZES = 64  # elements of an array of sizes that depend on the input's


def as_sizes(sizes: Any) -> np.ndarray:
    """Sizes as int64, or as objects while one is a `Dim`."""
    objects = np.asarray(sizes, object)
    return objects if any(map(is_free, objects.flat)) else objects.astype(np.int64)


def is_open(values: np.ndarray) -> bool:
    """Whether one of the sizes in an array is a `Dim`."""
    return values.dtype == object


def work_out(
    op: Op, inputs: Sequence[np.ndarray], params: Mapping[str, np.ndarray], types: Sequence[TensorType]
) -> list[np.ndarray] | None:
    """What an operator makes of known values, as outputs of these types.

    None where its reference refuses them, and where it can't follow a `Dim` (`Op.follows_sizes`).
    """
    if any(map(is_open, inputs)) and not (op.follows_sizes and sum(t.size for t in types) <= MOST_SIZES):
        return None
    try:
        with np.errstate(all="ignore"):
            values = op.reference(inputs, params)
    except TinyInferError:
        return None
    return [as_sizes(y) if y.dtype == object else y.astype(t.dtype) for y, t in zip(values, types, strict=True)]
