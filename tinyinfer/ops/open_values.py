"""Arithmetic on values in which some sizes are known by name only, where NumPy's would forget the name.

Such arrays hold objects: whole numbers of which some are a `Dim`, or floats of which some are a `Ratio`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tinyinfer import expression_arithmetic as arithmetic
from tinyinfer.dim import dim_max, dim_min, expression_of, is_free
from tinyinfer.ops.base import Op
from tinyinfer.ops.dtypes import FLOATS

FINEST = 2**12  # denominators of factors that a product with a size below 2**12 of float32 keeps exact


class UndecidedError(Exception):
    """What is asked depends on sizes that are free, or no expression can say it."""


@dataclass(frozen=True)
class Ratio:
    """above / below: a size that floats hold while scales are applied to it, until it is rounded."""

    above: int
    below: int

    def __add__(self, other: Any) -> Any:
        that = _ratio(other)
        return _quotient(self.above * that.below + that.above * self.below, self.below * that.below)

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __neg__(self) -> Any:
        return Ratio(-self.above, self.below)

    def __sub__(self, other: Any) -> Any:
        return self + (-_ratio(other))

    def __rsub__(self, other: Any) -> Any:
        return _ratio(other) - self

    def __mul__(self, other: Any) -> Any:
        that = _ratio(other)
        return _quotient(self.above * that.above, self.below * that.below)

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __truediv__(self, other: Any) -> Any:
        that = _ratio(other)
        return _quotient(self.above * that.below, self.below * that.above)

    def __rtruediv__(self, other: Any) -> Any:
        return _ratio(other) / self


def _ratio(value: Any) -> Ratio:
    if isinstance(value, Ratio):
        return value
    above, below = float(value).as_integer_ratio() if math.isfinite(value) else (0, 0)
    if not 0 < below <= FINEST or abs(above) > FINEST:
        raise UndecidedError  # floats would round the product
    return Ratio(above, below)


def _quotient(above: int, below: int) -> Any:
    """A float where no size is left in the quotient."""
    if not is_free(above) and not is_free(below):
        if below == 0:
            raise UndecidedError
        return above / below
    if not is_certain(below, 0) or int(below) == 0:  # where it is 0, some value would have no elements
        raise UndecidedError
    whole = above // below
    if expression_of(whole * below) == expression_of(above):
        return float(whole) if not is_free(whole) else Ratio(whole, 1)
    return Ratio(above, below)


def is_certain(size: int, least: int) -> bool:
    """Whether a size is at least so large at every size of the inputs."""
    return arithmetic.is_at_least(expression_of(size), arithmetic.constant(least))


def is_open_element(value: Any) -> bool:
    """Whether an element depends on free sizes."""
    return is_free(value) or isinstance(value, Ratio)


# -- one element at a time ---------------------------------------------------------------------------


def _to_float(value: Any) -> Any:
    return Ratio(value, 1) if is_free(value) else value if isinstance(value, Ratio) else float(value)


def _to_whole(value: Any) -> int:
    if isinstance(value, Ratio):
        if expression_of(value.below) != arithmetic.constant(1) and not is_certain(value.above, 0):
            raise UndecidedError  # cutting off the fraction is rounding down from 0 on alone
        return value.above // value.below
    return value if is_free(value) else int(value)


def _floor(value: Any) -> Any:
    if not isinstance(value, Ratio):
        return float(math.floor(value))
    return _to_float(value.above // value.below)


def _ceil(value: Any) -> Any:
    if not isinstance(value, Ratio):
        return float(math.ceil(value))
    return _to_float(-(-value.above // value.below))


def _whole_quotient(a: Any, b: Any) -> Any:
    if not is_certain(b, 1):
        raise UndecidedError
    return a // b


def _cut_quotient(a: Any, b: Any) -> Any:
    if not is_certain(a, 0):
        raise UndecidedError
    return _whole_quotient(a, b)


def _is_less(a: Any, b: Any) -> bool:
    """a < b, decided for all sizes at once."""
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        a, b = _ratio(a), _ratio(b)
        a, b = a.above * b.below, b.above * a.below
    if is_certain(b - a, 1):
        return True
    if is_certain(a - b, 0):
        return False
    raise UndecidedError


def _is_equal(a: Any, b: Any) -> bool:
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        a, b = _ratio(a), _ratio(b)
        a, b = a.above * b.below, b.above * a.below
    if expression_of(a) == expression_of(b):
        return True
    if is_certain(a - b, 1) or is_certain(b - a, 1):
        return False
    raise UndecidedError


def _extreme(plain: Callable[[Any, Any], Any], choose: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    """The lesser or greater of two, of fractions once they have one denominator."""

    def apply(a: Any, b: Any) -> Any:
        if isinstance(a, int) and isinstance(b, int):
            return choose(a, b)
        if not (is_open_element(a) or is_open_element(b)):
            return plain(a, b)
        a, b = _ratio(a), _ratio(b)
        if not (is_certain(a.below, 1) and is_certain(b.below, 1)):
            raise UndecidedError
        return _quotient(choose(a.above * b.below, b.above * a.below), a.below * b.below)

    return apply


_least, _greatest = _extreme(min, dim_min), _extreme(max, dim_max)


def _of_sizes(function: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    """A function of two whole numbers, which a Ratio is not."""

    def apply(a: Any, b: Any) -> Any:
        if isinstance(a, int) and isinstance(b, int):
            return function(a, b)
        raise UndecidedError

    return apply


# -- operators -----------------------------------------------------------------------------------------


def _elementwise(function: Callable[..., Any]) -> Callable[[Op, Sequence[np.ndarray]], np.ndarray]:
    def apply(op: Op, inputs: Sequence[np.ndarray]) -> np.ndarray:
        shape = np.broadcast_shapes(*(x.shape for x in inputs))
        rows = [np.broadcast_to(x, shape).reshape(-1).tolist() for x in inputs]
        y = np.empty(len(rows[0]), object)
        y[:] = [function(*elements) for elements in zip(*rows, strict=True)]
        return y.reshape(shape)

    return apply


def _add(op: Any, inputs: Sequence[np.ndarray]) -> np.ndarray:
    if op.activation is not None:
        raise UndecidedError
    return _elementwise(lambda a, b: a + b)(op, inputs)


def _cast(op: Any, inputs: Sequence[np.ndarray]) -> np.ndarray:
    if op.dtype in ("bool", "uint8", "int8"):
        raise UndecidedError
    return _elementwise(_to_float if op.dtype in FLOATS else _to_whole)(op, inputs)


def _div(op: Any, inputs: Sequence[np.ndarray]) -> np.ndarray:
    quotients = {"floor": _whole_quotient, "trunc": _cut_quotient}
    if op.rounding_mode is None:
        return _elementwise(lambda a, b: _to_float(a) / _to_float(b))(op, inputs)
    return _elementwise(_of_sizes(quotients[op.rounding_mode]))(op, inputs)


def _clamp(op: Any, inputs: Sequence[np.ndarray]) -> np.ndarray:
    x, *bounds = inputs
    given = dict(zip(("min", "max"), bounds, strict=True)) if bounds else op.bounds
    for what, bound in given.items():
        if not np.isinf(bound).any():
            x = _elementwise(_greatest if what == "min" else _least)(op, [x, np.asarray(bound)])
    return x


def _reduction(function: Callable[..., Any]) -> Callable[[Op, Sequence[np.ndarray]], np.ndarray]:
    def apply(op: Any, inputs: Sequence[np.ndarray]) -> np.ndarray:
        y = function(inputs[0], axis=op.axes(inputs[0].ndim), keepdims=op.keepdim)
        return np.asarray(y, object)

    return apply


def _folded(choose: Callable[[Any, Any], Any], x: np.ndarray, axis: Sequence[int], keepdims: bool) -> np.ndarray:
    for dim in axis:
        x = np.frompyfunc(choose, 2, 1).reduce(x, axis=dim, keepdims=True)
    return x if keepdims else np.squeeze(x, tuple(axis))


_RULES: dict[str, Callable[[Any, Sequence[np.ndarray]], np.ndarray]] = {
    "add": _add,
    "sub": _elementwise(lambda a, b: a - b),
    "mul": _elementwise(lambda a, b: a * b),
    "cast": _cast,
    "div": _div,
    "remainder": _elementwise(_of_sizes(lambda a, b: a - b * _whole_quotient(a, b))),
    "minimum": _elementwise(_least),
    "maximum": _elementwise(_greatest),
    "clamp": _clamp,
    "relu": _elementwise(lambda x: _greatest(x, 0.0)),
    "relu6": _elementwise(lambda x: _least(_greatest(x, 0.0), 6.0)),
    "neg": _elementwise(lambda x: -x),
    "floor": _elementwise(_floor),
    "ceil": _elementwise(_ceil),
    "amin": _reduction(partial(_folded, _least)),
    "amax": _reduction(partial(_folded, _greatest)),
    "sum": _reduction(np.sum),
    "prod": _reduction(np.prod),
    "eq": _elementwise(_is_equal),
    "ne": _elementwise(lambda a, b: not _is_equal(a, b)),
    "lt": _elementwise(_is_less),
    "gt": _elementwise(lambda a, b: _is_less(b, a)),
    "le": _elementwise(lambda a, b: not _is_less(b, a)),
    "ge": _elementwise(lambda a, b: not _is_less(a, b)),
    "where": _elementwise(lambda condition, a, b: a if condition else b),
}


def work_out_sizes(op: Op, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What an operator makes of values of which some are open; raises UndecidedError where that can't be said."""
    if op.name in _RULES:
        return [_RULES[op.name](op, inputs)]
    if not op.follows_sizes:
        raise UndecidedError
    return op.reference(inputs, {})
