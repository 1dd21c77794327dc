"""What exporters write for one operator, as an expression: ``x * apply("sigmoid", x)``.

A sum or product means all ways to write it: in any order, with any brackets, its constant first, last or in between,
divided by 6 or multiplied by a sixth.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self


class Pattern:
    """A value that is computed in a certain way, or a leaf."""

    @property
    def roots(self) -> tuple[str, ...]:
        """Names of the operators that can compute the value."""
        return ()

    def __add__(self, other: Pattern | float) -> Sum:
        return Sum.of(self, other)

    __radd__ = __add__

    def __sub__(self, number: float) -> Sum:
        return self + -number

    def __mul__(self, other: Pattern | float) -> Product:
        return Product.of(self, other)

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
class Combination(Pattern):
    """Some values and a number, in any order and with any brackets."""

    operators: ClassVar[tuple[str, ...]]
    neutral: ClassVar[float]
    join: ClassVar[Callable[[float, float], float]]

    parts: tuple[Pattern, ...]
    number: float | AnyNumber

    @property
    def roots(self) -> tuple[str, ...]:
        return self.operators

    @classmethod
    def of(cls, *sides: Pattern | float) -> Self:
        """That of two sides, which may be such combinations themselves."""
        number: float = cls.neutral
        parts: tuple[Pattern, ...] = ()
        for side in sides:
            if isinstance(side, AnyNumber) and side is sides[-1]:
                assert number == cls.neutral, "a sum or product has one number"
                return cls(parts, side)
            if isinstance(side, cls):
                assert isinstance(side.number, int | float), "a sum or product with any number has no further parts"
                parts, number = parts + side.parts, cls.join(number, side.number)
            elif isinstance(side, Pattern):
                parts += (side,)
            else:
                number = cls.join(number, side)
        return cls(parts, number)


class Sum(Combination):
    """The sum of some values and a number."""

    operators, neutral, join = ("add", "sub"), 0.0, operator.add


class Product(Combination):
    """The product of some values and a number."""

    operators, neutral, join = ("mul", "div", "neg", "pow"), 1.0, operator.mul


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
