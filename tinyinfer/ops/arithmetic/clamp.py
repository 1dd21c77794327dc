"""Values kept between bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.broadcasting import broadcast_shape
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    number,
    operator,
    require,
    require_same_dtype,
)
from tinyinfer.ops.dtypes import INTEGERS, NUMBERS


@operator
class Clamp(Op):
    """x, but no less than ``min`` and no more than ``max``; ``max`` everywhere if it is the smaller, NaN stays NaN.

    The bounds are numbers, of which one may be missing, or both are further inputs, ``lower`` and ``upper``, that
    broadcast with x; a single bound that is a tensor is what ``maximum`` and ``minimum`` are for.
    """

    name: ClassVar[str] = "clamp"
    dtypes: ClassVar[Sequence[str]] = NUMBERS
    optional_inputs: ClassVar[tuple[str, ...]] = ("lower", "upper")

    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        for what, bound in self.bounds.items():
            self.normalize(**{what: number(bound, what)})

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that are numbers, by name."""
        return {what: bound for what, bound in (("min", self.min), ("max", self.max)) if bound is not None}

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        dtype = require_same_dtype(inputs)
        require(len(inputs) != 2, "expected two bounds as inputs or none, found one")
        if len(inputs) == 3:
            require(not self.bounds, "expected bounds as attributes or as inputs, found both")
            return [TensorType(broadcast_shape(inputs), dtype)]
        require(bool(self.bounds), "expected min, max or both, found neither")
        for what, bound in self.bounds.items():
            fits = dtype not in INTEGERS or bound.is_integer()
            require(fits, f"{what}: expected a whole number for {dtype}, found {bound}")
        return [TensorType(inputs[0].shape, dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x, *bounds = inputs
        lower, upper = bounds or self.bounds_in(x.dtype)
        y = x if lower is None else np.maximum(x, lower)
        return [np.asarray(y if upper is None else np.minimum(y, upper))]

    def bounds_in(self, dtype: np.dtype[Any]) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The bounds that are numbers, in the dtype of the values."""
        return _bound(self.min, dtype), _bound(self.max, dtype)

    @classmethod
    def cases(cls) -> list[Case]:
        shape = (2, 5, 3, 4)
        return [
            Case({"min": -0.5, "max": 0.25}, (shape,)),
            Case({"min": 0.1}, ((3, 11),)),
            Case({"max": -0.1}, (shape,)),
            Case({"min": -300, "max": 4}, ((2, 9),), dtypes=("int8",)),
            Case({}, (shape, (), ())),
            Case({}, ((5, 1, 4), (3, 1), (2, 5, 3, 4))),
        ]


def _bound(value: float | None, dtype: np.dtype[Any]) -> np.ndarray | None:
    """A bound in the dtype of the values; beyond what integers can hold it bounds nothing."""
    if value is None or str(dtype) not in INTEGERS:
        return None if value is None else np.asarray(value, dtype)
    limits = np.iinfo(str(dtype))
    return np.asarray(min(max(int(value), limits.min), limits.max), dtype)


OPS = (Clamp,)
