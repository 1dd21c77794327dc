"""Arithmetic on expressions, whose results are in a canonical form, so that equal ones are found equal.

(H - 1)//2 + 1  is  (H+1)//2      constants are pulled out of floor divisions
((H//2) + 1)//2 is  (H+2)//4      nested floor divisions become one
-(-H//3)        is  (H+2)//3      a ceiling is a floor
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from tinyinfer.expression import Atom, Expression, Extreme, Floor, Monomial, Scaled, Symbol

# a network's layers ask for few different expressions, and each many times
remembered = lru_cache(maxsize=4096)


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
    bound = add(a, b, -1).lower_bound
    if bound is not None and bound >= 0:
        return True
    return any(is_at_least(a, part) for part in _parts_of("min", b)) or any(
        is_at_least(part, b) for part in _parts_of("max", a)
    )


def _parts_of(kind: Literal["min", "max"], a: Expression) -> tuple[Expression, ...]:
    """What an expression is the lesser or the greater of, none where it is anything else."""
    for monomial, coefficient in a.terms if len(a.terms) == 1 else ():
        atom = monomial[0] if len(monomial) == coefficient == 1 else None
        if isinstance(atom, Extreme) and atom.kind == kind:
            return atom.parts
    return ()


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
    return _of_atom(Extreme(kind, first, second))
