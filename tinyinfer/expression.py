"""Integer expressions of named sizes: polynomials with integer coefficients.

Their variables are symbols, each a size of at least 1, and what no polynomial can say: floor divisions, the lesser or
greater of two expressions, floors of scaled ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal


class Atom:
    """A variable of a polynomial: a symbol, or what no polynomial can say of other expressions."""

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The expressions it is made of."""
        return ()

    @property
    def text(self) -> str:
        """As Python or mathematics writes it."""
        raise NotImplementedError

    @property
    def lower_bound(self) -> int | None:
        """A number that it never falls below, sizes being 1 or more; None where none is known."""
        raise NotImplementedError

    @cached_property
    def length(self) -> int:
        """Symbols and numbers in it."""
        return sum(part.length for part in self.parts)

    def symbols(self) -> set[str]:
        """Names of all symbols in it."""
        return set().union(*(part.symbols() for part in self.parts))

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The number it is for these values of its symbols."""
        return self._combined(*(part.evaluate(values) for part in self.parts))

    def _combined(self, *parts: int) -> int:
        raise NotImplementedError


@dataclass(frozen=True)
class Symbol(Atom):
    """A size that is known by name only."""

    name: str

    @property
    def text(self) -> str:
        return self.name

    @property
    def lower_bound(self) -> int:
        return 1

    @property
    def length(self) -> int:
        return 1

    def symbols(self) -> set[str]:
        return {self.name}

    def evaluate(self, values: Mapping[str, int]) -> int:
        return values[self.name]


@dataclass(frozen=True)
class Floor(Atom):
    """floor(above / below)."""

    above: Expression
    below: Expression

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.above, self.below

    @cached_property
    def text(self) -> str:
        return f"{_bracketed(self.above)}//{_bracketed(self.below)}"

    @property
    def lower_bound(self) -> int | None:
        bound = self.above.lower_bound
        if bound is None or not self.below.is_constant:
            return None if bound is None or bound < 0 else 0
        return bound // self.below.constant

    def _combined(self, *parts: int) -> int:
        above, below = parts
        return above // below


@dataclass(frozen=True)
class Extreme(Atom):
    """The lesser or the greater of two expressions."""

    kind: Literal["min", "max"]
    first: Expression
    second: Expression

    @property
    def parts(self) -> tuple[Expression, Expression]:
        return self.first, self.second

    @cached_property
    def text(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.parts))})"

    @property
    def lower_bound(self) -> int | None:
        bounds = [bound for part in self.parts if (bound := part.lower_bound) is not None]
        if self.kind == "max":
            return max(bounds, default=None)
        return min(bounds) if len(bounds) == len(self.parts) else None

    def _combined(self, *parts: int) -> int:
        return min(parts) if self.kind == "min" else max(parts)


@dataclass(frozen=True)
class Scaled(Atom):
    """floor(inner * factor), the product rounded as floating-point numbers are."""

    inner: Expression
    factor: float

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.inner,)

    @cached_property
    def text(self) -> str:
        return f"floor({self.factor:g}*{_bracketed(self.inner)})"

    @cached_property
    def length(self) -> int:
        return 1 + self.inner.length

    @property
    def lower_bound(self) -> int | None:
        bound = self.inner.lower_bound
        return None if bound is None or bound < 0 else 0

    def _combined(self, *parts: int) -> int:
        (inner,) = parts
        return math.floor(inner * self.factor)


_WORD = re.compile(r"[^-+*/(), ]+")  # symbols, numbers and names of functions in a text

Monomial = tuple[Atom, ...]  # a product, its factors sorted; empty for 1


@dataclass(frozen=True)
class Expression:
    """A sum of products with integer coefficients, in the order they are written: highest degree first."""

    terms: tuple[tuple[Monomial, int], ...]

    @cached_property
    def text(self) -> str:
        """As Python writes it, without blanks."""
        return "".join(_signed(c, m, first=i == 0) for i, (m, c) in enumerate(self.terms)) or "0"

    def __str__(self) -> str:
        return self.text

    @cached_property
    def length(self) -> int:
        """Symbols and numbers in it."""
        return sum(1 + sum(atom.length for atom in monomial) for monomial, _ in self.terms)

    @cached_property
    def _hash(self) -> int:
        return hash(self.terms)

    def __hash__(self) -> int:
        return self._hash

    @property
    def constant(self) -> int:
        """The term without symbols."""
        return self.terms[-1][1] if self.terms and not self.terms[-1][0] else 0

    @cached_property
    def is_constant(self) -> bool:
        """Whether there is no other term."""
        return not self.terms or not self.terms[0][0]

    def symbols(self) -> set[str]:
        """Names of all symbols in it."""
        return {name for monomial, _ in self.terms for atom in monomial for name in atom.symbols()}

    def renamed(self, names: Mapping[str, str]) -> str:
        """The text with other names for some symbols."""
        return _WORD.sub(lambda word: names.get(word[0], word[0]), self.text)

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The number it is for these values of its symbols; raises KeyError for one that is not given."""
        return sum(c * math.prod(atom.evaluate(values) for atom in m) for m, c in self.terms)

    @cached_property
    def lower_bound(self) -> int | None:
        """A number that it never falls below, sizes being 1 or more; None where none is known."""
        total = 0
        for monomial, coefficient in self.terms:
            if not monomial:
                total += coefficient
                continue
            bounds = [atom.lower_bound for atom in monomial]
            if coefficient < 0 or any(bound is None or bound < 0 for bound in bounds):
                return None
            total += coefficient * math.prod(bound or 0 for bound in bounds)
        return total


def _bracketed(a: Expression) -> str:
    """In brackets, unless it is one symbol or one number that is not negative."""
    simple = len(a.terms) <= 1 and (a.constant >= 0 if a.is_constant else a.terms[0][1] == 1)
    alone = simple and all(len(m) <= 1 and not any(isinstance(atom, Floor) for atom in m) for m, _ in a.terms)
    return str(a) if alone else f"({a})"


def _signed(coefficient: int, monomial: Monomial, first: bool) -> str:
    sign = "-" if coefficient < 0 else "" if first else "+"
    size = abs(coefficient)
    factors = [] if size == 1 and monomial else [str(size)]
    alone = len(factors) + len(monomial) == 1 and not (first and sign)  # -a//b is (-a)//b in Python
    for atom in monomial:
        factors.append(atom.text if alone or not isinstance(atom, Floor) else f"({atom.text})")
    return sign + "*".join(factors)
