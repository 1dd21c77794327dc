"""Sizes that remember how they follow from the sizes of a network's inputs.

Shape rules are written for ints, and a `Dim` is one: its value is the size at nominal input, its expression what the
size is for any other.  So the ordinary rules, run once on Dims, give the shapes for all inputs at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tinyinfer import expression_arithmetic as arithmetic
from tinyinfer.errors import GraphError
from tinyinfer.expression import Expression

LONGEST = 500  # symbols and numbers in one size: a few products of a size with itself would have millions

Combine = Callable[[Expression, Expression], Expression]


class Dim(int):
    """An int that depends on free sizes; +, -, *, // and % keep the expression, comparisons look at the value alone.

    What no longer depends on any size, such as H - H, is a plain int.
    """

    expression: Expression

    def __new__(cls, value: int, expression: Expression) -> Dim:
        dim = super().__new__(cls, value)
        dim.expression = expression
        return dim

    @classmethod
    def symbol(cls, name: str, nominal: int) -> Dim:
        """The free size called ``name``, which is ``nominal`` where nothing else is said."""
        return cls(nominal, arithmetic.symbol(name))

    def substitute(self, values: Mapping[str, int]) -> int:
        """The size for these values of its symbols; raises KeyError for one that is not given."""
        return self.expression.evaluate(values)

    def __add__(self, other: int) -> int:
        return _combine(int.__add__, arithmetic.add, self, other)

    def __radd__(self, other: int) -> int:
        return _combine(int.__add__, arithmetic.add, other, self)

    def __sub__(self, other: int) -> int:
        return _combine(int.__sub__, _subtract, self, other)

    def __rsub__(self, other: int) -> int:
        return _combine(int.__sub__, _subtract, other, self)

    def __mul__(self, other: int) -> int:
        return _combine(int.__mul__, arithmetic.multiply, self, other)

    def __rmul__(self, other: int) -> int:
        return _combine(int.__mul__, arithmetic.multiply, other, self)

    def __floordiv__(self, other: int) -> int:
        return _combine(int.__floordiv__, arithmetic.floor_divide, self, other)

    def __rfloordiv__(self, other: int) -> int:
        return _combine(int.__floordiv__, arithmetic.floor_divide, other, self)

    def __mod__(self, other: int) -> int:
        return _combine(int.__mod__, _remainder, self, other)

    def __rmod__(self, other: int) -> int:
        return _combine(int.__mod__, _remainder, other, self)

    def __divmod__(self, other: int) -> tuple[int, int]:
        return self // other, self % other

    def __neg__(self) -> int:
        return 0 - self

    def __pos__(self) -> int:
        return self

    def __str__(self) -> str:
        return str(self.expression)

    def __repr__(self) -> str:
        return f"<{self.expression} = {int(self)}>"

    def __getnewargs__(self) -> tuple[int, Expression]:  # type: ignore[override]
        return int(self), self.expression


def is_free(size: int) -> bool:
    """Whether a size depends on that of an input."""
    return isinstance(size, Dim)


def expression_of(size: int) -> Expression:
    """What a size is in terms of the inputs' sizes; equal expressions are the same size for all inputs."""
    return size.expression if isinstance(size, Dim) else arithmetic.constant(size)


def substituted(size: int, values: Mapping[str, int]) -> int:
    """The size, free or not, for these values of symbols."""
    return size.substitute(values) if isinstance(size, Dim) else size


def dim_min(a: int, b: int) -> int:
    """min(a, b) at every size."""
    if type(a) is int and type(b) is int:
        return min(a, b)
    return _made(min(int(a), int(b)), arithmetic.least_of(expression_of(a), expression_of(b)))


def dim_max(a: int, b: int) -> int:
    """max(a, b) at every size."""
    if type(a) is int and type(b) is int:
        return max(a, b)
    return _made(max(int(a), int(b)), arithmetic.greatest_of(expression_of(a), expression_of(b)))


def dim_scale(size: int, factor: float) -> int:
    """floor(size * factor) at every size."""
    value = math.floor(int(size) * factor)
    return _made(value, arithmetic.scale(size.expression, factor)) if isinstance(size, Dim) else value


def agreed(a: int, b: int) -> int:
    """The size that two equal ones stand for: the fixed one, as no other size than the nominal fits such a network."""
    return b if is_free(a) and not is_free(b) else a


def agreed_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """`agreed` for each size of two equal shapes."""
    return tuple(map(agreed, a, b))


def _combine(plain: Callable[[int, int], int], symbolic: Combine, a: int, b: int) -> int:
    if not (isinstance(a, int) and isinstance(b, int)):
        return NotImplemented
    return _made(plain(a, b), symbolic(expression_of(a), expression_of(b)))


def _made(value: int, result: Expression) -> int:
    if result.is_constant:
        return value
    if result.length > LONGEST or abs(value) >= 2**63:
        raise GraphError("sizes that follow from the input's: expected numbers of 64 bits in short expressions")
    return Dim(value, result)


def _subtract(a: Expression, b: Expression) -> Expression:
    return arithmetic.add(a, b, -1)


def _remainder(a: Expression, b: Expression) -> Expression:
    return arithmetic.add(a, arithmetic.multiply(b, arithmetic.floor_divide(a, b)), -1)
