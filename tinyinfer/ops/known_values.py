"""Operators worked out where all that they read is known: constants, and sizes while some are known by name only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinyinfer.errors import TinyInferError
from tinyinfer.ops.base import Op
from tinyinfer.ops.open_values import UndecidedError, is_open_element, work_out_sizes
from tinyinfer.tensor_type import TensorType

MOST_SIZES = 64  # elements of an array of sizes that depend on the input's

# whose elements may each be made of all elements of the input, so that small arrays can take hours
MANY_TO_ONE = ("tinyinfer.ops.convolution.", "tinyinfer.ops.pooling.", "tinyinfer.ops.detection.")
MOST_PAIRS = 2**28  # elements read times elements made, of such operators


def as_sizes(sizes: Any) -> np.ndarray:
    """Sizes as int64, or as objects while one is a `Dim`."""
    return _settled(np.asarray(sizes, object), "int64")


def is_open(values: np.ndarray) -> bool:
    """Whether an array holds something that depends on free sizes."""
    return values.dtype == object


def work_out(
    op: Op, inputs: Sequence[np.ndarray], params: Mapping[str, np.ndarray], types: Sequence[TensorType]
) -> list[np.ndarray] | None:
    """What an operator makes of known values, as outputs of these types.

    None where its reference refuses them, where that might take long, and where free sizes can't be followed
    (`open_values`, `Op.follows_sizes`).
    """
    if type(op).__module__.startswith(MANY_TO_ONE):
        read = sum(array.size for array in (*inputs, *params.values()))
        if (
            read * sum(t.size for t in types) > MOST_PAIRS or op.name == "roi_align"
        ):  # which samples as often as it says
            return None
    try:
        if any(map(is_open, inputs)):
            if sum(t.size for t in types) > MOST_SIZES:
                return None
            values = work_out_sizes(op, inputs)
        else:
            with np.errstate(all="ignore"):
                values = op.reference(inputs, params)
    except (TinyInferError, UndecidedError):
        return None
    except ValueError:
        if all(x.size for x in inputs):
            raise
        return None  # some functions of no elements have no value
    return [_settled(y, t.dtype) for y, t in zip(values, types, strict=True)]


def _settled(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values of this dtype, as objects while one depends on free sizes."""
    return values if is_open(values) and any(map(is_open_element, values.flat)) else values.astype(dtype)
