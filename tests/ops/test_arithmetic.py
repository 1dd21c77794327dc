"""Arithmetic, comparisons and choices with broadcasting, one number at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops
from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.broadcasting import broadcast_shape

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: abs(a) ** b,
    "minimum": min,
    "maximum": max,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "logical_and": lambda a, b: bool(a and b),
    "logical_or": lambda a, b: bool(a or b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
}


@st.composite
def shapes(draw: st.DrawFn, count: int) -> list[tuple[int, ...]]:
    """Shapes of ranks 0 to 5 that broadcast: each a suffix of one shape, some of its sizes 1."""
    whole = draw(st.lists(st.integers(1, 3), max_size=5))
    found = []
    for _ in range(count):
        suffix = whole[draw(st.integers(0, len(whole))) :]
        found.append(tuple(1 if draw(st.booleans()) else size for size in suffix))
    return found


def place(index: tuple[int, ...], x: np.ndarray) -> Any:
    """The element that stands at this index of the broadcast shape."""
    return x[tuple(0 if size == 1 else i for i, size in zip(index[len(index) - x.ndim :], x.shape, strict=True))]


@given(shapes(3))
def test_broadcast_shapes_are_numpys(drawn: list[tuple[int, ...]]) -> None:
    assert broadcast_shape([TensorType(shape) for shape in drawn]) == np.broadcast_shapes(*drawn)


@given(st.lists(st.lists(st.integers(1, 3), max_size=4).map(tuple), min_size=2, max_size=3))
def test_shapes_broadcast_where_numpys_do(drawn: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*drawn)
    except ValueError:
        with pytest.raises(GraphError, match="do not broadcast"):
            broadcast_shape([TensorType(shape) for shape in drawn])
    else:
        assert broadcast_shape([TensorType(shape) for shape in drawn]) == expected


@pytest.mark.parametrize("name", BINARY)
@given(drawn=shapes(2), seed=st.integers(0, 9))
def test_binary(name: str, drawn: list[tuple[int, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (np.asarray(rng.integers(-3, 4, shape) + 0.5) for shape in drawn)
    if name == "pow":
        a = np.abs(a)
    if name.startswith("logical"):
        a, b = a > 0, b > 0
    y = ops.reference(name)(a, b)
    assert isinstance(y, np.ndarray)
    assert y.shape == np.broadcast_shapes(*drawn)
    for index in np.ndindex(y.shape):
        assert y[index] == pytest.approx(BINARY[name](place(index, a).item(), place(index, b).item()), rel=1e-14)


@given(drawn=shapes(3), seed=st.integers(0, 9))
def test_where_and_clamp_between_tensors(drawn: list[tuple[int, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, a, b = (np.asarray(rng.standard_normal(shape)) for shape in drawn)
    chosen, clamped = ops.reference("where")(x > 0, a, b), ops.reference("clamp")(x, lower=a, upper=b)
    for index in np.ndindex(np.broadcast_shapes(*drawn)):
        low, high = place(index, a), place(index, b)
        assert chosen[index] == (low if place(index, x) > 0 else high)
        assert clamped[index] == min(max(place(index, x), low), high)  # the upper bound where the two are crossed


SPECIAL = [-math.inf, -2.5, -0.0, 0.0, 1.0, 3.5, math.inf, math.nan]


@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_nan_is_passed_on(name: str) -> None:
    a, b = np.meshgrid(SPECIAL, SPECIAL)
    assert (np.isnan(ops.reference(name)(a, b)) == (np.isnan(a) | np.isnan(b))).all()
    assert np.isnan(ops.reference("clamp")(np.array([math.nan]), min=0.0))[0]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "float32", "float64"])
@given(seed=st.integers(0, 99))
def test_rounded_division(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = 0 if dtype == "uint8" else -100
    a, b = rng.integers(low, 101, 40).astype(dtype), rng.integers(1, 12, 40).astype(dtype)
    b = b if dtype == "uint8" else (b * rng.choice([-1, 1], 40)).astype(dtype)
    for mode, rounding in (("trunc", math.trunc), ("floor", math.floor)):
        y = ops.reference("div")(a, b, rounding_mode=mode)
        assert y.dtype == dtype
        assert y.tolist() == [rounding(p / q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]


def test_division_of_large_integers_is_exact() -> None:
    a = np.array([2**62 + 1, -(2**62) - 1])
    assert ops.reference("div")(a, np.array(3), rounding_mode="trunc").tolist() == [
        (2**62 + 1) // 3,
        -(2**62 + 1) // 3 + 1,
    ]
    assert ops.reference("div")(a, np.array(3), rounding_mode="floor").tolist() == [(2**62 + 1) // 3, -(2**62 + 1) // 3]


def test_what_integers_have_no_value_for_is_refused_at_run_time() -> None:
    one = np.array([1, 2])
    for mode in ("trunc", "floor"):
        with pytest.raises(InputError, match="divisor: expected whole numbers other than 0, found 0"):
            ops.reference("div")(one, np.array([1, 0]), rounding_mode=mode)
    with pytest.raises(InputError, match="power of an integer: expected at least 0, found -3"):
        ops.reference("pow")(one, np.array([2, -3]))


def test_floats_follow_their_own_rules_without_warnings() -> None:
    with np.errstate(all="raise"):
        assert ops.reference("div")(np.array([1.0, -1.0]), np.array(0.0)).tolist() == [math.inf, -math.inf]
        assert np.isnan(ops.reference("pow")(np.array(-8.0), np.array(1 / 3)))
        assert np.isnan(ops.reference("sqrt")(np.array(-1.0)))
        assert ops.reference("log")(np.array(0.0)) == -math.inf
        assert np.isnan(ops.reference("log")(np.array(-1.0)))
        assert ops.reference("exp")(np.array(1000.0)) == math.inf


UNARY: dict[str, Callable[[float], float]] = {
    "neg": lambda v: -v,
    "abs": abs,
    "sqrt": lambda v: math.sqrt(v) if v >= 0 else math.nan,
    "exp": math.exp,
    "log": lambda v: math.log(v) if v > 0 else (math.nan if v < 0 else -math.inf),
    "reciprocal": lambda v: 1 / v if v else math.inf,
    "erf": math.erf,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,  # Python's rounds halves to even, too
    "sign": lambda v: (v > 0) - (v < 0),
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": lambda v: math.asin(v) if abs(v) <= 1 else math.nan,
    "acos": lambda v: math.acos(v) if abs(v) <= 1 else math.nan,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "asinh": math.asinh,
    "acosh": lambda v: math.acosh(v) if v >= 1 else math.nan,
    "atanh": lambda v: math.atanh(v) if abs(v) < 1 else (math.nan if abs(v) > 1 else v * math.inf),
}


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6), (np.float16, 2e-3)])
def test_unary(name: str, dtype: type, tolerance: float) -> None:
    x = np.array([*np.linspace(-6, 6, 97), 0.5, 1.5, -2.5, 0.0], dtype)
    y = ops.reference(name)(x)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, [UNARY[name](float(v)) for v in x], rtol=tolerance, atol=tolerance)


def test_every_unary_operator_has_a_formula() -> None:
    from tinyinfer.ops.arithmetic import trigonometry, unary

    assert {op.name for op in (*unary.OPS, *trigonometry.OPS)} == set(UNARY)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_remainders_have_the_sign_of_the_divisor_or_of_the_dividend(dtype: str) -> None:
    a, b = np.array([5, -5, 5, -5], dtype), np.array([3, 3, -3, -3], dtype)
    assert ops.reference("remainder")(a, b).tolist() == [2, 1, -1, -2]
    assert ops.reference("fmod")(a, b).tolist() == [2, -2, 2, -2]
    with pytest.raises(InputError, match="divisor: expected whole numbers other than 0, found 0"):
        ops.reference("remainder")(np.array([1]), np.array([0]))


def test_bits() -> None:
    a, b = np.array([0b1100, 1], np.uint8), np.array([0b1010, 7], np.uint8)
    assert ops.reference("bitwise_and")(a, b).tolist() == [0b1000, 1]
    assert ops.reference("bitwise_or")(a, b).tolist() == [0b1110, 7]
    assert ops.reference("bitwise_xor")(a, b).tolist() == [0b0110, 6]
    assert ops.reference("bitwise_not")(a).tolist() == [0b11110011, 254]
    assert ops.reference("bitwise_left_shift")(a, np.array([4, 7], np.uint8)).tolist() == [0b11000000, 128]
    assert ops.reference("bitwise_right_shift")(np.array([-8, 8]), np.array([2, 2])).tolist() == [-2, 2]


def test_running_sums() -> None:
    x = np.array([1, 2, 3])
    assert ops.reference("cumsum")(x, dim=0).tolist() == [1, 3, 6]
    assert ops.reference("cumsum")(x, dim=0, exclusive=True).tolist() == [0, 1, 3]
    assert ops.reference("cumsum")(x, dim=0, reverse=True).tolist() == [6, 5, 3]
    assert ops.reference("cumsum")(x, dim=0, exclusive=True, reverse=True).tolist() == [5, 3, 0]


@pytest.mark.parametrize(("dtype", "low", "high"), [("int8", -300, 4), ("uint8", -5, 7), ("int64", -3, 2.0**70)])
def test_clamp_to_numbers_beyond_the_integers(dtype: str, low: float, high: float) -> None:
    x = np.array([0, 3, 9, 100], dtype)
    y = ops.reference("clamp")(x, min=low, max=high)
    assert y.dtype == dtype
    assert y.tolist() == [min(max(v, low), high) for v in x.tolist()]


def test_logical_not() -> None:
    assert ops.reference("logical_not")(np.array([True, False])).tolist() == [False, True]
