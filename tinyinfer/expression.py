"""Integer expressions of named sizes in a canonical form, so that equal ones are found equal.

An expression is a polynomial with integer coefficients.  Its variables are symbols, each a size of at least 1, and
what no polynomial can say: floor divisions, the lesser or greater of two expressions, floors of scaled ones.

    (H - 1)//2 + 1  is  (H+1)//2      constants are pulled out of floor divisions
    ((H//2) + 1)//2 is  (H+2)//4      nested floor divisions become one
    -(-H//3)        is  (H+2)//3      a ceiling is a floor
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Symbol:
    """A size that is known by name only."""

    name: str
    length: ClassVar[int] = 1

    @property
    def text(self) -> str:
        """Its name."""
        return self.name


@dataclass(frozen=True)
class Floor:
    """floor(above / below)."""

    above: Expression
    below: Expression

    @cached_property
    def text(self) -> str:
        """As Python writes it."""
        return f"{_bracketed(self.above)}//{_bracketed(self.below)}"

    @cached_property
    def length(self) -> int:
        """Symbols and numbers in it."""
        return self.above.length + self.below.length


@dataclass(frozen=True)
class Extreme:
    """The lesser or the greater of two expressions."""

    kind: Literal["min", "max"]
    parts: tuple[Expression, Expression]

    @cached_property
    def text(self) -> str:
        """As Python writes it."""
        return f"{self.kind}({', '.join(map(str, self.parts))})"

    @cached_property
    def length(self) -> int:
        """Symbols and numbers in it."""
        return sum(part.length for part in self.parts)


@dataclass(frozen=True)
class Scaled:
    """floor(inner * factor), the product rounded as floating-point numbers are."""

    inner: Expression
    factor: float

    @cached_property
    def text(self) -> str:
        """As mathematics writes it."""
        return f"floor({self.factor:g}*{_bracketed(self.inner)})"

    @cached_property
    def length(self) -> int:
        """Symbols and numbers in it."""
        return 1 + self.inner.length


_WORD = re.compile(r"[^-+*/(), ]+")  # symbols, numbers and names of functions in a text

# a network's layers ask for few different expressions, and each many times
remembered = lru_cache(maxsize=4096)

Atom = Symbol | Floor | Extreme | Scaled
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
        return {name for atom in self._atoms() for name in _symbols(atom)}

    def renamed(self, names: Mapping[str, str]) -> str:
        """The text with other names for some symbols."""
        return _WORD.sub(lambda word: names.get(word[0], word[0]), self.text)

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The number it is for these values of its symbols; raises KeyError for one that is not given."""
        return sum(c * math.prod(_evaluate(atom, values) for atom in m) for m, c in self.terms)

    def _atoms(self) -> Iterator[Atom]:
        return (atom for monomial, _ in self.terms for atom in monomial)


@remembered
def constant(value: int) -> Expression:
    """A number."""
    return Expression((((), int(value)),) if value else ())


def symbol(name: str) -> Expression:
    """A size known by name only."""
    return _of_atom(Symbol(name))


@remembered
def add(a: Expression, b: Expression, times: int = 1) -> Expression:
    """a + times * b."""
    sums = dict(a.terms)
    for monomial, coefficient in b.terms:
        sums[monomial] = sums.get(monomial, 0) + times * coefficient
    return _collect(sums)


@remembered
def multiply(a: Expression, b: Expression) -> Expression:
    """a * b."""
    sums: dict[Monomial, int] = {}
    for m, c in a.terms:
        for n, d in b.terms:
            product = tuple(sorted(m + n, key=_order))
            sums[product] = sums.get(product, 0) + c * d
    return _collect(sums)


@remembered
def floor_divide(a: Expression, b: Expression) -> Expression:
    """floor(a / b)."""
    exact = _quotient(a, b)
    if exact is not None:
        return exact
    if not b.is_constant:
        return _of_atom(Floor(a, b))
    divisor = b.constant
    if divisor < 0:
        return floor_divide(add(constant(0), a, -1), constant(-divisor))
    whole, rest = _whole_part(a, divisor)
    return add(whole, _floor_of_rest(rest, divisor))


@remembered
def least_of(a: Expression, b: Expression) -> Expression:
    """min(a, b), which is one of them wherever that is so for all sizes."""
    if is_at_least(b, a):
        return a
    return b if is_at_least(a, b) else _extreme("min", a, b)


@remembered
def greatest_of(a: Expression, b: Expression) -> Expression:
    """max(a, b), which is one of them wherever that is so for all sizes."""
    if is_at_least(b, a):
        return b
    return a if is_at_least(a, b) else _extreme("max", a, b)


def scale(a: Expression, factor: float) -> Expression:
    """floor(a * factor), the product rounded as floating-point numbers are."""
    above, below = factor.as_integer_ratio()
    if above < 2**20 and below < 2**20:  # such products of sizes are exact
        return floor_divide(multiply(a, constant(above)), constant(below))
    return _of_atom(Scaled(a, factor))


def is_at_least(a: Expression, b: Expression) -> bool:
    """Whether a >= b is certain, whatever the sizes."""
    bound = _lower_bound(add(a, b, -1))
    return bound is not None and bound >= 0


# -- canonical form ------------------------------------------------------------------------------


def _of_atom(atom: Atom) -> Expression:
    return Expression((((atom,), 1),))


def _order(atom: Atom) -> str:
    return atom.text


def _rank(monomial: Monomial) -> tuple[int, list[str]]:
    return -len(monomial), [atom.text for atom in monomial]


def _collect(sums: Mapping[Monomial, int]) -> Expression:
    kept = [(monomial, c) for monomial, c in sums.items() if c]
    return Expression(tuple(sorted(kept, key=lambda term: _rank(term[0]))))


def _whole_part(a: Expression, divisor: int) -> tuple[Expression, Expression]:
    """What of ``a`` is a multiple of the divisor, divided, and what is left: no coefficient reaches the divisor."""
    whole, rest = {}, {}
    for monomial, c in a.terms:
        # towards zero, so that -H stays -H; of the constant the remainder is positive
        whole[monomial] = c // divisor if c > 0 or not monomial else -(-c // divisor)
        rest[monomial] = c - divisor * whole[monomial]
    return _collect(whole), _collect(rest)


def _floor_of_rest(rest: Expression, divisor: int) -> Expression:
    if rest.is_constant:
        return constant(rest.constant // divisor)
    if rest.terms[0][1] < 0:  # floor(-x / d) = -floor((x + d - 1) / d)
        flipped = add(constant(divisor - 1), rest, -1)
        return add(constant(0), floor_divide(flipped, constant(divisor)), -1)
    common = math.gcd(divisor, *(c for monomial, c in rest.terms if monomial))
    if common > 1:  # floor((g x + c) / (g d)) = floor((x + floor(c / g)) / d)
        return floor_divide(_collect({m: c // common for m, c in rest.terms}), constant(divisor // common))
    (monomial, coefficient), *others = rest.terms
    inner = monomial[0] if len(monomial) == 1 and coefficient == 1 else None
    if isinstance(inner, Floor) and inner.below.is_constant and not any(m for m, _ in others):
        # floor((floor(x / e) + c) / d) = floor((x + e c) / (e d))
        below = inner.below.constant
        return floor_divide(add(inner.above, constant(below * rest.constant)), constant(below * divisor))
    return _of_atom(Floor(rest, constant(divisor)))


def _quotient(a: Expression, b: Expression) -> Expression | None:
    """a / b where b divides a as polynomials are divided, else None."""
    if not b.terms:
        return None
    (lead, by), quotient = b.terms[0], constant(0)
    while a.terms:
        monomial, coefficient = a.terms[0]
        left = _without(monomial, lead)
        if left is None or coefficient % by:
            return None
        step = Expression(((left, coefficient // by),))
        quotient, a = add(quotient, step), add(a, multiply(step, b), -1)
    return quotient


def _without(monomial: Monomial, factors: Monomial) -> Monomial | None:
    """A product divided by some of its factors; None if one is not among them."""
    left = list(monomial)
    for atom in factors:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def _extreme(kind: Literal["min", "max"], a: Expression, b: Expression) -> Expression:
    first, second = sorted((a, b), key=str)
    return _of_atom(Extreme(kind, (first, second)))


# -- what an expression is ------------------------------------------------------------------------


def _lower_bound(a: Expression) -> int | None:
    """A number that the expression never falls below, sizes being 1 or more; None where none is known."""
    total = 0
    for monomial, coefficient in a.terms:
        if not monomial:
            total += coefficient
            continue
        bounds = [_lower_bound_of(atom) for atom in monomial]
        if coefficient < 0 or any(bound is None or bound < 0 for bound in bounds):
            return None
        total += coefficient * math.prod(bound or 0 for bound in bounds)
    return total


def _lower_bound_of(atom: Atom) -> int | None:
    if isinstance(atom, Symbol):
        return 1
    if isinstance(atom, Floor):
        bound = _lower_bound(atom.above)
        if bound is None or not atom.below.is_constant:
            return None if bound is None or bound < 0 else 0
        return bound // atom.below.constant
    if isinstance(atom, Scaled):
        bound = _lower_bound(atom.inner)
        return None if bound is None or bound < 0 else 0
    bounds = [bound for part in atom.parts if (bound := _lower_bound(part)) is not None]
    if atom.kind == "max":
        return max(bounds, default=None)
    return min(bounds) if len(bounds) == len(atom.parts) else None


def _parts(atom: Atom) -> tuple[Expression, ...]:
    if isinstance(atom, Floor):
        return atom.above, atom.below
    if isinstance(atom, Extreme):
        return atom.parts
    return (atom.inner,) if isinstance(atom, Scaled) else ()


def _symbols(atom: Atom) -> set[str]:
    return {atom.name} if isinstance(atom, Symbol) else set().union(*(part.symbols() for part in _parts(atom)))


def _evaluate(atom: Atom, values: Mapping[str, int]) -> int:
    if isinstance(atom, Symbol):
        return values[atom.name]
    parts = [part.evaluate(values) for part in _parts(atom)]
    if isinstance(atom, Floor):
        return parts[0] // parts[1]
    if isinstance(atom, Scaled):
        return math.floor(parts[0] * atom.factor)
    return min(parts) if atom.kind == "min" else max(parts)


# -- writing --------------------------------------------------------------------------------------


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
