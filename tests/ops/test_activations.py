"""Activations against their formulas, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.ops.activation.activation import FUSABLE, apply_activation
from tinyinfer.ops.activation.activation_functions import erf

GRID = [*np.linspace(-8, 8, 161), -1e-8, 0.0, 1e-8, -300.0, 300.0]


def sigmoid(v: float) -> float:
    return 1 / (1 + math.exp(-v))


def softplus(v: float) -> float:
    return max(v, 0) + math.log1p(math.exp(-abs(v)))


FORMULAS: list[tuple[str, dict[str, Any], Callable[[float], float]]] = [
    ("relu", {}, lambda v: max(v, 0)),
    ("relu6", {}, lambda v: min(max(v, 0), 6)),
    ("sigmoid", {}, sigmoid),
    ("hardsigmoid", {}, lambda v: min(max(v / 6 + 0.5, 0), 1)),
    ("hardswish", {}, lambda v: v * min(max(v / 6 + 0.5, 0), 1)),
    ("silu", {}, lambda v: v * sigmoid(v)),
    ("tanh", {}, math.tanh),
    ("mish", {}, lambda v: v * math.tanh(softplus(v))),
    ("selu", {}, lambda v: 1.0507009873554805 * (v if v > 0 else 1.6732632423543772 * math.expm1(v))),
    ("softsign", {}, lambda v: v / (1 + abs(v))),
    ("logsigmoid", {}, lambda v: -softplus(-v)),
    ("tanhshrink", {}, lambda v: v - math.tanh(v)),
    ("gelu", {}, lambda v: v * math.erfc(-v / math.sqrt(2)) / 2),
    (
        "gelu",
        {"approximate": "tanh"},
        lambda v: v / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v * v * v))),
    ),
    ("leaky_relu", {"negative_slope": 0.2}, lambda v: v if v > 0 else 0.2 * v),
    ("elu", {"alpha": 0.5}, lambda v: v if v > 0 else 0.5 * math.expm1(v)),
    ("celu", {"alpha": 0.5}, lambda v: v if v > 0 else 0.5 * math.expm1(v / 0.5)),
    ("softplus", {}, softplus),
    ("softplus", {"beta": 2.0, "threshold": 1.0}, lambda v: v if 2 * v > 1 else softplus(2 * v) / 2),
    ("hardtanh", {"min_val": -2.0, "max_val": 3.0}, lambda v: min(max(v, -2), 3)),
    ("hardshrink", {"lambd": 0.25}, lambda v: 0 if abs(v) <= 0.25 else v),
    ("softshrink", {"lambd": 0.3}, lambda v: math.copysign(max(abs(v) - 0.3, 0), v)),
    ("threshold", {"threshold": 0.125, "value": 20.0}, lambda v: v if v > 0.125 else 20),
]


@pytest.mark.parametrize(
    ("name", "attrs", "formula"), FORMULAS, ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_formula(
    name: str, attrs: dict[str, Any], formula: Callable[[float], float], dtype: type, tolerance: float
) -> None:
    x = np.array(GRID, dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = ops.reference(name)(x, **attrs)
    assert y.dtype == dtype
    expected = [formula(float(v)) for v in x]
    np.testing.assert_allclose(y, expected, rtol=tolerance, atol=tolerance)


def test_every_activation_has_a_formula() -> None:
    from tinyinfer.ops.activation import activation, parametric_activation

    tested = {name for name, _, _ in FORMULAS} | {"prelu"}
    assert {op.name for op in (*activation.OPS, *parametric_activation.OPS)} == tested


def test_prelu_takes_one_slope_or_one_a_channel() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    slopes = np.array([0.1, -2.0, 3.0])
    y, shared = ops.reference("prelu")(x, slopes), ops.reference("prelu")(x, slopes[:1])
    for n, c, i in np.ndindex(x.shape):
        v = x[n, c, i]
        assert y[n, c, i] == (v if v > 0 else slopes[c] * v)
        assert shared[n, c, i] == (v if v > 0 else 0.1 * v)


def test_erf_is_accurate_everywhere() -> None:
    x = np.array([*np.linspace(-7, 7, 1401), 1e-300, -1e-20, 40.0, np.inf, -np.inf])
    np.testing.assert_allclose(erf(x), [math.erf(v) for v in x], rtol=1e-14)
    assert np.isnan(erf(np.array([np.nan, 1.0]))).tolist() == [True, False]
    assert erf(np.array([np.nan, 1.0]))[1] == pytest.approx(math.erf(1.0), rel=1e-14)


@pytest.mark.parametrize("name", FUSABLE)
def test_fusable_activations_are_operators_without_attributes(name: str) -> None:
    x = np.linspace(-4, 4, 33).reshape(3, 11)
    assert (apply_activation(name, x) == ops.reference(name)(x)).all()


def test_relu_lets_nan_through() -> None:
    assert np.isnan(ops.reference("relu")(np.array([np.nan])))[0]
