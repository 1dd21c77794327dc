"""Activations as steps of their own: loads, a formula, stores.

Each formula is a body in the vector language.  The exponential is a polynomial (relative error 2e-7); what is
built on it differs from the reference by about as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numba import prange

from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Problem
from tinyinfer.kernels.jit import inline, jit, jit_parallel
from tinyinfer.kernels.parts import SMALL, as_one_row, partition, piece
from tinyinfer.kernels.simd import LANES, vector_function
from tinyinfer.ops.activation_functions import SELU_ALPHA, SELU_SCALE

LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4  # ln 2 in two parts, the first exact in few bits
EXP_TERMS = (1.9875691e-4, 1.3981999e-3, 8.3334519e-3, 4.1665796e-2, 1.6666665e-1, 0.5)  # Cephes expf.c
ERF_TERMS = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)  # Abramowitz & Stegun 7.1.26


def exp(v: Any, x: Any) -> Any:
    """e**x: 2**n * e**r with |r| <= ln 2 / 2; beyond -87 and 88 it stays at its value there."""
    x = v.clip(x, v.constant(-87.0), v.constant(88.0))
    n = v.round(v.mul(x, v.constant(1.4426950408889634)))
    r = v.fma(n, v.constant(-LN2_HIGH), x)
    r = v.fma(n, v.constant(-LN2_LOW), r)
    series = polynomial(v, EXP_TERMS, r)
    series = v.add(v.fma(v.mul(r, r), series, r), v.constant(1))
    return v.mul(series, v.power_of_two(n))


def polynomial(v: Any, terms: Sequence[float], x: Any) -> Any:
    """Horner's rule, highest power first."""
    total = v.constant(terms[0])
    for term in terms[1:]:
        total = v.fma(total, x, v.constant(term))
    return total


def sigmoid(v: Any, x: Any) -> Any:
    """1 / (1 + e**-x)."""
    one = v.constant(1)
    return v.div(one, v.add(one, exp(v, v.mul(x, v.constant(-1)))))


def tanh(v: Any, x: Any) -> Any:
    """2 sigmoid(2 x) - 1."""
    return v.fma(v.constant(2), sigmoid(v, v.add(x, x)), v.constant(-1))


def erf(v: Any, x: Any) -> Any:
    """The error function, 1.5e-7 at most from it."""
    t = v.div(v.constant(1), v.fma(v.abs(x), v.constant(0.3275911), v.constant(1)))
    tail = v.mul(v.mul(polynomial(v, ERF_TERMS, t), t), exp(v, v.mul(v.mul(x, x), v.constant(-1))))
    positive = v.sub(v.constant(1), tail)
    return v.where_positive(x, positive, v.sub(v.constant(0), positive))


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
    return v.mul(x, sigmoid(v, x))


def hyperbolic(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """The hyperbolic tangent."""
    return tanh(v, x)


def elu(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """b x where positive, else a (e**(c x) - 1)."""
    return v.where_positive(x, v.mul(b, x), v.mul(a, v.sub(exp(v, v.mul(c, x)), v.constant(1))))


def mish(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x tanh(log(1 + e)) with e = e**x is x (e**2 + 2 e) / (e**2 + 2 e + 2); from 20 on it is x."""
    e = exp(v, v.min(x, v.constant(20)))
    top = v.mul(e, v.add(e, v.constant(2)))
    return v.mul(x, v.div(top, v.add(top, v.constant(2))))


def gelu(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x (1 + erf(x / sqrt 2)) / 2."""
    half = v.mul(x, v.constant(0.5))
    return v.fma(half, erf(v, v.mul(x, v.constant(0.5**0.5))), half)


def gelu_tanh(v: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
    """x (1 + tanh(u)) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x**3)."""
    inner = v.mul(x, v.fma(v.mul(x, x), v.constant(0.044715), v.constant(1)))
    return v.mul(x, sigmoid(v, v.mul(inner, v.constant(2 * (2 / np.pi) ** 0.5))))


CHEAP = (clip, leaky, hardsigmoid, hardswish, softsign)
EXPONENTIAL = (logistic, silu, hyperbolic, elu, mish, gelu, gelu_tanh)


def make_rows(formulas: Sequence[Callable[..., Any]]) -> Any:
    """The formula numbered ``kind`` over ``rows`` rows of ``blocks`` vectors and ``rest`` lanes."""

    @vector_function(
        kind="int", x="address", x_stride="int", y="address", y_stride="int", rows="int", blocks="int", rest="int",
        a="float", b="float", c="float",
    )  # fmt: skip
    def apply(v, kind, x, x_stride, y, y_stride, rows, blocks, rest, a, b, c):
        constants = [v.broadcast(number) for number in (a, b, c)]
        for number, formula in enumerate(formulas):
            with v.when(kind == number), v.loop(rows) as row:
                source, target = row * x_stride, row * y_stride
                with v.loop(blocks) as block:
                    at = block * LANES
                    v.store(formula(v, v.load(x, source + at), *constants), y, target + at)
                with v.when(rest != 0):
                    mask, at = v.mask(rest), blocks * LANES
                    value = formula(v, v.load_masked(x, source + at, mask), *constants)
                    v.store_masked(value, y, target + at, mask)

    @inline
    def rows(kind, x, x_stride, y, y_stride, channels, numbers, p0, p1, b0, b1):
        first, count = b0 * LANES, min(channels, b1 * LANES) - b0 * LANES
        apply(
            kind, x.ctypes.data + (p0 * x_stride + first) * 4, x_stride,
            y.ctypes.data + (p0 * y_stride + first) * 4, y_stride,
            p1 - p0, count // LANES, count % LANES, numbers[0], numbers[1], numbers[2],
        )  # fmt: skip

    return rows


cheap_rows, exponential_rows = make_rows(CHEAP), make_rows(EXPONENTIAL)


@jit
def cheap(kind, x, x_stride, y, y_stride, channels, numbers, rows, blocks):
    """An activation without an exponential."""
    cheap_rows(kind, x, x_stride, y, y_stride, channels, numbers, 0, rows, 0, blocks)


@jit
def exponential(kind, x, x_stride, y, y_stride, channels, numbers, rows, blocks):
    """An activation with an exponential."""
    exponential_rows(kind, x, x_stride, y, y_stride, channels, numbers, 0, rows, 0, blocks)


@jit_parallel
def cheap_parallel(kind, x, x_stride, y, y_stride, channels, numbers, rows, blocks, row_parts, block_parts):
    """`cheap` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        cheap_rows(kind, x, x_stride, y, y_stride, channels, numbers, p0, p1, b0, b1)


@jit_parallel
def exponential_parallel(kind, x, x_stride, y, y_stride, channels, numbers, rows, blocks, row_parts, block_parts):
    """`exponential` in row_parts x block_parts pieces."""
    for part in prange(row_parts * block_parts):
        p0, p1, b0, b1 = piece(part, rows, blocks, row_parts, block_parts)
        exponential_rows(kind, x, x_stride, y, y_stride, channels, numbers, p0, p1, b0, b1)


Setting = tuple[Callable[..., Any], tuple[float, ...]]

# the formula of each operator and its numbers
SETTINGS: dict[str, Callable[[Any], Setting]] = {
    "relu": lambda op: (clip, (0.0, np.inf)),
    "relu6": lambda op: (clip, (0.0, 6.0)),
    "hardtanh": lambda op: (clip, (op.min_val, op.max_val)),
    "leaky_relu": lambda op: (leaky, (op.negative_slope,)),
    "hardsigmoid": lambda op: (hardsigmoid, ()),
    "hardswish": lambda op: (hardswish, ()),
    "softsign": lambda op: (softsign, ()),
    "sigmoid": lambda op: (logistic, ()),
    "silu": lambda op: (silu, ()),
    "tanh": lambda op: (hyperbolic, ()),
    "elu": lambda op: (elu, (op.alpha, 1.0, 1.0)),
    "celu": lambda op: (elu, (op.alpha, 1.0, 1 / op.alpha)),
    "selu": lambda op: (elu, (SELU_ALPHA * SELU_SCALE, SELU_SCALE, 1.0)),
    "mish": lambda op: (mish, ()),
    "gelu": lambda op: (gelu_tanh if op.approximate == "tanh" else gelu, ()),
}


class _Activation(Kernel):
    """An activation on a value of any shape; one subclass an operator."""

    name: ClassVar[str] = "vector"

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return True

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        formula, numbers = SETTINGS[self.problem.op.name](self.problem.op)
        three = tuple(np.float32(number) for number in (*numbers, 0, 0, 0)[:3])
        x, y = inputs[0], outputs[0]
        rows, channels = as_one_row(x, y)
        blocks = -(-channels // LANES)
        group = CHEAP if formula in CHEAP else EXPONENTIAL
        args = (group.index(formula), x.data, x.pixel_stride, y.data, y.pixel_stride, channels, three, rows, blocks)
        if self.problem.threads == 1 or rows * channels < SMALL:
            return partial(cheap if group is CHEAP else exponential, *args)
        parallel = cheap_parallel if group is CHEAP else exponential_parallel
        return partial(parallel, *args, *partition(rows, blocks, self.problem.threads))


KERNELS = tuple(
    type(f"{op.title().replace('_', '')}Vector", (_Activation,), {"op": op, "__doc__": _Activation.__doc__})
    for op in SETTINGS
)
