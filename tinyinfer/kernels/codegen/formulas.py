"""Formulas of the activations, as bodies in the vector language.

The exponential is a polynomial (relative error 2e-7); what is built on it differs from the reference by about as
much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

# minimax for e**r, |r| <= ln 2 / 2, by relative error: 1.0e-7, and 1.9e-7 once every step is rounded
EXP_TERMS = (8.3125e-3, 4.189033e-2, 1.6667115e-1, 4.999923e-1, 1.0, 1.0)
# a float so large that its last bit counts ones: what is added to it is rounded, and stands in its low bits plus 127
ROUNDING = 1.5 * 2**23 + 127
ERF_TERMS = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)  # Abramowitz & Stegun 7.1.26


def exp(v: Any, x: Any) -> Any:
    """e**x; beyond -87 and 88 it stays at its value there."""
    return v.mul(*exp_factors(v, x))


def exp_factors(v: Any, x: Any, sign: int = 1) -> tuple[Any, Any]:
    """e**(sign x) as e**r and 2**n, |r| <= ln 2 / 2: whoever adds to their product can do so in one operation."""
    return bounded_exp_factors(v, v.clip(x, *(v.constant(end) for end in sorted((-87 * sign, 88 * sign)))), sign)


def bounded_exp_factors(v: Any, x: Any, sign: int = 1) -> tuple[Any, Any]:
    """`exp_factors` where sign x is known to be between -87 and 88."""
    shifted = v.fma(x, v.constant(sign / math.log(2)), v.constant(ROUNDING))
    n = v.sub(shifted, v.constant(ROUNDING))
    r = v.fma(n, v.constant(-sign * math.log(2)), x)  # as n is small, so is what the constant lacks: 2e-9 n
    powers = range(len(EXP_TERMS) - 1, -1, -1)
    terms = [term * sign**power for term, power in zip(EXP_TERMS, powers, strict=True)]
    return polynomial(v, terms, r), v.exponent(shifted)


def polynomial(v: Any, terms: Sequence[float], x: Any) -> Any:
    """Horner's rule, highest power first."""
    total = v.constant(terms[0])
    for term in terms[1:]:
        total = v.fma(total, x, v.constant(term))
    return total


def sigmoid(v: Any, x: Any) -> Any:
    """1 / (1 + e**-x)."""
    one = v.constant(1)
    return v.quotient(one, v.fma(*exp_factors(v, x, sign=-1), one))


def tanh(v: Any, x: Any) -> Any:
    """2 sigmoid(2 x) - 1."""
    return v.fma(v.constant(2), sigmoid(v, v.add(x, x)), v.constant(-1))


def erf(v: Any, x: Any) -> Any:
    """The error function, 1.5e-7 at most from it."""
    t = v.div(v.constant(1), v.fma(v.abs(x), v.constant(0.3275911), v.constant(1)))
    tail = v.mul(v.mul(polynomial(v, ERF_TERMS, t), t), exp(v, v.mul(v.mul(x, x), v.constant(-1))))
    positive = v.sub(v.constant(1), tail)
    return v.where_positive(x, positive, v.sub(v.constant(0), positive))


def not_below(v: Any, x: Any, least: float) -> Any:
    """x, or ``least`` where that is more: for gates which are 0 from there down, as -infinity times 0 is not 0."""
    return v.max(x, v.constant(least))


def clip(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """No less than a, no more than b."""
    return v.clip(x, a, b)


def leaky(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x where positive, else a x."""
    return v.where_positive(x, x, v.mul(a, x))


def hardsigmoid(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """clip(x + 3, 0, 6) / 6."""
    return v.mul(v.clip(v.add(x, v.constant(3)), v.constant(0), v.constant(6)), v.constant(1 / 6))


def hardswish(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x times hardsigmoid."""
    return v.mul(x, hardsigmoid(v, x, a, b, c))


def softsign(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x / (1 + |x|)."""
    return v.div(x, v.add(v.constant(1), v.abs(x)))


def logistic(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The sigmoid."""
    return sigmoid(v, x)


def silu(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x times the sigmoid."""
    x = not_below(v, x, -87)  # where the gate is the last number that is not denormal, which would be slow
    one = v.constant(1)
    return v.mul(x, v.quotient(one, v.fma(*bounded_exp_factors(v, v.min(x, v.constant(87)), sign=-1), one)))


def hyperbolic(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The hyperbolic tangent."""
    return tanh(v, x)


def negative(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """-x."""
    return v.mul(x, v.constant(-1))


def magnitude(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """|x|."""
    return v.abs(x)


def square_root(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The square root of x."""
    return v.sqrt(x)


def inverse(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """1 / x."""
    return v.div(v.constant(1), x)


def power_of_e(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """e**x as the square of e**(x / 2), which is right up to infinity and down to 0."""
    root = exp(v, v.mul(x, v.constant(0.5)))
    return v.mul(root, root)


def elu(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """b x where positive, else a (e**(c x) - 1)."""
    return v.where_positive(x, v.mul(b, x), v.mul(a, v.sub(exp(v, v.mul(c, x)), v.constant(1))))


def mish(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x tanh(log(1 + e)) with e = e**x is x (e**2 + 2 e) / (e**2 + 2 e + 2); from 20 on it is x."""
    x = not_below(v, x, -87)
    e = v.mul(*bounded_exp_factors(v, v.min(x, v.constant(20))))
    top = v.mul(e, v.add(e, v.constant(2)))
    return v.mul(x, v.quotient(top, v.add(top, v.constant(2))))


def gelu(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x (1 + erf(x / sqrt 2)) / 2."""
    x = not_below(v, x, -15)
    half = v.mul(x, v.constant(0.5))
    return v.fma(half, erf(v, v.mul(x, v.constant(0.5**0.5))), half)


def gelu_tanh(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x (1 + tanh(u)) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x**3)."""
    x = not_below(v, x, -15)
    inner = v.mul(x, v.fma(v.mul(x, x), v.constant(0.044715), v.constant(1)))
    return v.mul(x, sigmoid(v, v.mul(inner, v.constant(2 * (2 / math.pi) ** 0.5))))
