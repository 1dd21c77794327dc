"""What exporters write for one operator, as an expression: ``x * apply("sigmoid", x)``.

A sum or product means all ways to write it: in any order, with any brackets, its constant first, last or in between,
divided by 6 or multiplied by a sixth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ADDING, MULTIPLYING = ("add", "sub"), ("mul", "div", "neg", "pow")


class Pattern:
    """A value that is computed in a certain way, or a leaf."""

    @property
    def roots(self) -> tuple[str, ...]:
        """Names of the operators that can compute the value."""
        return ()

    def __add__(self, other: Pattern | float) -> Sum:
        if isinstance(other, AnyNumber):
            return Sum(_parts(self, Sum), other)
        return Sum(_parts(self, Sum) + _parts(other, Sum), _number(self, Sum) + _number(other, Sum))

    __radd__ = __add__

    def __sub__(self, number: float) -> Sum:
        return self + -number

    def __mul__(self, other: Pattern | float) -> Product:
        if isinstance(other, AnyNumber):
            return Product(_parts(self, Product), other)
        return Product(_parts(self, Product) + _parts(other, Product), _number(self, Product) * _number(other, Product))

    __rmul__ = __mul__

    def __truediv__(self, number: float) -> Product:
        return self * (1 / number)

    def __neg__(self) -> Product:
        return self * -1

    def __or__(self, other: Pattern) -> OneOf:
        return OneOf((self, other))


@dataclass(frozen=True)
class Value(Pattern):
    """Any value; the same one wherever the name stands."""

    name: str


@dataclass(frozen=True)
class Constant(Pattern):
    """Any constant of the network; the same one wherever the name stands."""

    name: str


@dataclass(frozen=True)
class Number(Pattern):
    """A constant of one element, this one."""

    number: float


@dataclass(frozen=True)
class AnyNumber(Pattern):
    """A constant of one element, or the number of a sum or product; the same one wherever the name stands."""

    name: str


@dataclass(frozen=True)
class Apply(Pattern):
    """An operator's value; attributes that are not listed may be any.  By ``name`` a match has it."""

    op: str
    inputs: tuple[Pattern, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def roots(self) -> tuple[str, ...]:
        return (self.op,)


@dataclass(frozen=True)
class Sum(Pattern):
    """The sum of some values and a number."""

    parts: tuple[Pattern, ...]
    number: float | AnyNumber = 0.0

    @property
    def roots(self) -> tuple[str, ...]:
        return ADDING


@dataclass(frozen=True)
class Product(Pattern):
    """The product of some values and a number."""

    parts: tuple[Pattern, ...]
    number: float | AnyNumber = 1.0

    @property
    def roots(self) -> tuple[str, ...]:
        return MULTIPLYING


@dataclass(frozen=True)
class OneOf(Pattern):
    """The first of some patterns that fits."""

    patterns: tuple[Pattern, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(root for pattern in self.patterns for root in pattern.roots))


def either_order(op: str, a: Pattern, b: Pattern) -> OneOf:
    """The value of an operator that minds no order."""
    return OneOf((Apply(op, (a, b)), Apply(op, (b, a))))


def apply(op: str, *inputs: Pattern, name: str = "", **attrs: Any) -> Apply:
    """An operator's value; attributes that are left out may be any."""
    return Apply(op, inputs, attrs, name)


def _parts(side: Pattern | float, kind: type[Sum | Product]) -> tuple[Pattern, ...]:
    """Terms or factors of one side of a sum or product."""
    if not isinstance(side, Pattern):
        return ()
    return side.parts if isinstance(side, Sum | Product) and isinstance(side, kind) else (side,)


def _number(side: Pattern | float, kind: type[Sum | Product]) -> float:
    """What one side brings to the number of a sum or product."""
    if not isinstance(side, Pattern):
        return side
    neutral = 0.0 if kind is Sum else 1.0
    number = side.number if isinstance(side, Sum | Product) and isinstance(side, kind) else neutral
    assert isinstance(number, int | float), "a sum or product with any number has no further parts"
    return number
