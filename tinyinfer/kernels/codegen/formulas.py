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
# Cephes' minimax for (log(1 + f) - f + f**2 / 2) / f**3, and ln 2 in two parts, the first of which e times is exact
LOG_TERMS = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
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


def log(v: Any, x: Any) -> Any:
    """The natural logarithm: of 2**e (1 + f) with f from sqrt(1/2) - 1 to sqrt(2) - 1, as in Cephes' logf."""
    tiny = v.above(v.constant(2.0**-126), x)  # denormal, or no positive number
    m, e = v.mantissa_and_exponent(v.where(tiny, v.mul(x, v.constant(2.0**23)), x))
    e = v.sub(e, v.where(tiny, v.constant(23), v.constant(0)))
    low = v.above(v.constant(0.5**0.5), m)
    e = v.sub(e, v.where(low, v.constant(1), v.constant(0)))
    f = v.add(v.sub(m, v.constant(1)), v.where(low, m, v.constant(0)))
    square = v.mul(f, f)
    rest = v.fma(e, v.constant(LN2_LOW), v.mul(v.mul(polynomial(v, LOG_TERMS, f), f), square))
    y = v.fma(e, v.constant(LN2_HIGH), v.add(f, v.fma(square, v.constant(-0.5), rest)))
    y = v.where(v.above(v.constant(math.inf), x), y, x)  # infinity and NaN
    below = v.where(v.above(v.constant(0), x), v.constant(math.nan), v.constant(-math.inf))
    return v.where_positive(x, y, v.where(v.is_nan(x), x, below))


def log1p_exp_of_minus(v: Any, distance: Any) -> Any:
    """log(1 + e**-distance), 6e-8 at most from it."""
    return log(v, v.fma(*exp_factors(v, distance, sign=-1), v.constant(1)))


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


def logarithm(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The natural logarithm of x."""
    return log(v, x)


def error_function(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The error function, NaN of NaN."""
    return erf(v, x)


def softplus(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """log(1 + e**(a x)) c, and x itself where a x is above b."""
    scaled = v.mul(a, x)
    y = v.mul(v.add(v.max(scaled, v.constant(0)), log1p_exp_of_minus(v, v.abs(scaled))), c)
    return v.where(v.above(scaled, b), x, y)


def logsigmoid(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """log(1 / (1 + e**-x))."""
    return v.sub(v.min(x, v.constant(0)), log1p_exp_of_minus(v, v.abs(x)))


def rounded_down(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The largest whole number that is not above x."""
    return v.floor(x)


def rounded_up(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The smallest whole number that is not below x."""
    return v.ceil(x)


def rounded(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The nearest whole number, of two as near the even one."""
    return v.round(x)


def sign(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """-1 below 0, 0 at 0, 1 above; NaN stays NaN."""
    one, zero = v.constant(1), v.constant(0)
    number = v.where(v.above(zero, x), v.constant(-1), v.where_positive(x, one, zero))
    return v.where(v.is_nan(x), x, number)


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
