"""What is known of a value before it is computed: shape, type of elements, and what quantised ones stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.weights import Shape

INTEGERS = ("uint8", "int8", "int32", "int64")
FLOATS = ("float32", "float16")
DTYPES = (*FLOATS, *INTEGERS, "bool")
"""What the elements of a network's values may be; references compute in float64 as well."""

LARGEST_SCALE = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Quant:
    """The real numbers that integers stand for: scale * (integer - zero_point), as ONNX and TensorFlow Lite have it.

    One scale and zero point for the whole tensor, or with ``axis`` one for every index along that dimension.
    Raises GraphError for scales that are not positive float32 numbers and for lists of unequal length.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...] = (0,)
    axis: int | None = None

    def __post_init__(self) -> None:
        scale, zero_point = _row(self.scale), _row(self.zero_point)
        for value in scale:
            good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LARGEST_SCALE
            _require(good, f"scale: expected finite numbers above 0, found {_short(value)}")
        for value in zero_point:
            _require(type(value) is int, f"zero_point: expected integers, found {_short(value)}")
        good = self.axis is None or (type(self.axis) is int and self.axis >= 0)
        _require(good, f"axis: expected a dimension counted from 0 or none, found {_short(self.axis)}")
        if len(zero_point) == 1:
            zero_point *= len(scale)
        _require(
            len(scale) == len(zero_point) > 0, f"expected as many scales as zero points, found {len(scale)} of one "
            f"and {len(zero_point)} of the other",
        )  # fmt: skip
        _require(self.axis is not None or len(scale) == 1, f"expected an axis for {len(scale)} scales, found none")
        object.__setattr__(self, "scale", tuple(map(float, scale)))
        object.__setattr__(self, "zero_point", zero_point)

    def check(self, shape: Shape, dtype: str) -> None:
        """Raise GraphError unless a tensor of this shape and dtype can be quantised so."""
        _require(dtype in INTEGERS, f"quantised values: expected one of {', '.join(INTEGERS)}, found {dtype}")
        limits = np.iinfo(dtype)
        for value in (min(self.zero_point), max(self.zero_point)):
            within = limits.min <= value <= limits.max
            _require(within, f"zero_point: expected {limits.min} to {limits.max} for {dtype}, found {value}")
        if self.axis is not None:
            _require(self.axis < len(shape), f"axis: expected below {len(shape)}, found {self.axis}")
            size = shape[self.axis]
            _require(size == len(self.scale), f"scale: expected {size} along axis {self.axis}, found {len(self.scale)}")


@dataclass(frozen=True)
class TensorType:
    """Shape, dtype and quantisation of a value; images are NCHW."""

    shape: Shape
    dtype: str = "float32"
    quant: Quant | None = None

    def __post_init__(self) -> None:
        if self.quant is not None:
            self.quant.check(self.shape, self.dtype)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Memory that the elements take, without gaps."""
        return self.size * itemsize(self.dtype)

    def reshaped(self, shape: Shape) -> TensorType:
        """The same elements in another shape; raises GraphError where their scales would no longer lie along a dim."""
        per_axis = self.quant is not None and self.quant.axis is not None and shape != self.shape
        _require(not per_axis, "values quantised along a dimension can't be brought into another shape")
        return TensorType(shape, self.dtype, self.quant)

    def moved(self, shape: Shape, order: Sequence[int]) -> TensorType:
        """The type after dimension ``order[i]`` has become dimension i."""
        quant = self.quant
        if quant is not None and quant.axis is not None:
            quant = replace(quant, axis=list(order).index(quant.axis))
        return TensorType(shape, self.dtype, quant)

    def __str__(self) -> str:
        if any(map(is_free, self.shape)):  # NxCxH would read as one name
            return ",".join(map(str, self.shape))
        return "x".join(map(str, self.shape)) or "scalar"


@cache
def itemsize(dtype: str) -> int:
    """Bytes of one element."""
    return np.dtype(dtype).itemsize


@cache
def dtype_name(dtype: np.dtype) -> str:
    """How a dtype is called here: NumPy works the name out anew each time, which is slow."""
    return str(dtype)


def _row(value: object) -> tuple[Any, ...]:
    """A single value as a row of one; NumPy's numbers as Python's."""
    row = value if isinstance(value, tuple | list | np.ndarray) else (value,)
    return tuple(v.item() if isinstance(v, np.generic) else v for v in row)


def _short(value: object) -> str:
    """A value, which may come from a file, as a message can show it."""
    return ascii(value)[:40]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise GraphError(message)
