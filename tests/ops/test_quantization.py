"""Conversions between dtypes, against exact arithmetic on single numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops

LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def half_to_even(value: Fraction) -> int:
    return round(value)  # as Python rounds fractions


@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=8),
    st.floats(2**-10, 100, width=32),
    st.integers(0, 255),
    st.sampled_from(["uint8", "int8"]),
)
def test_quantize_linear(values: list[float], scale: float, zero: int, dtype: str) -> None:
    low, high = LIMITS[dtype]
    zero += low
    q = ops.reference("quantize_linear")(np.array(values), scale=scale, zero_point=zero, dtype=dtype)
    assert q.dtype == dtype
    for value, found in zip(values, q.tolist(), strict=True):
        exact = Fraction(value) / Fraction(scale)
        near_half = abs(exact - math.floor(exact) - Fraction(1, 2)) < Fraction(1, 10**9)  # the quotient is rounded
        if not near_half or exact.denominator <= 2:
            assert found == min(max(half_to_even(exact) + zero, low), high)


def test_halves_go_to_the_even_number_and_the_rest_saturates() -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300, -300, math.inf, -math.inf, math.nan], np.float32)
    signed = ops.reference("quantize_linear")(x, scale=1.0, dtype="int8")
    assert signed.tolist() == [0, 2, 2, 0, -2, 127, -128, 127, -128, 0]
    unsigned = ops.reference("quantize_linear")(x, scale=1.0, zero_point=10)
    assert unsigned.tolist()[:9] == [10, 12, 12, 10, 8, 255, 0, 255, 0]


def test_each_index_along_the_axis_has_its_scale_and_zero_point() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    scale, zero = (0.5, 0.01, 0.1), (0, 128, 200)
    for axis in (1, -2):
        q = ops.reference("quantize_linear")(x, scale=scale, zero_point=zero, axis=axis)
        back = ops.reference("dequantize_linear")(q, scale=scale, zero_point=zero, axis=axis)
        for c in range(3):
            alone = ops.reference("quantize_linear")(x[:, c], scale=scale[c], zero_point=zero[c])
            np.testing.assert_array_equal(q[:, c], alone)
            expected = (q[:, c].astype(np.float64) - zero[c]) * np.float32(scale[c])
            np.testing.assert_allclose(back[:, c], expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_quantising_undoes_dequantising(dtype: str) -> None:
    q = np.arange(LIMITS[dtype][0], LIMITS[dtype][1] + 1).astype(dtype)
    real = ops.reference("dequantize_linear")(q, scale=0.037, zero_point=5)
    assert real.dtype == np.float32
    np.testing.assert_array_equal(ops.reference("quantize_linear")(real, scale=0.037, zero_point=5, dtype=dtype), q)


def test_int32_is_dequantised_as_float32_multiplies() -> None:
    q = np.array([2**31 - 1, -(2**31), 123456789, 0], np.int32)
    y = ops.reference("dequantize_linear")(q, scale=0.001)
    assert y.tolist() == (q.astype(np.float32) * np.float32(0.001)).tolist()


@pytest.mark.parametrize("dtype", LIMITS)
def test_floats_become_integers_by_cutting_off(dtype: str) -> None:
    low, high = LIMITS[dtype]
    x = [0.9, -0.9, 2.5, 100.7, 1e30, -1e30, math.inf, -math.inf, float(high), float(low)]
    for kind in (np.float32, np.float64):
        y = ops.reference("cast")(np.array([*x, math.nan], kind), dtype=dtype)
        assert y.dtype == dtype
        expected = [min(max(math.trunc(min(max(float(kind(v)), -1e20), 1e20)), low), high) for v in x]
        assert y.tolist() == [*expected, 0]


@pytest.mark.parametrize("to", ["float16", "float32", "uint8", "int8", "int32", "int64", "bool"])
def test_casts_of_what_fits_keep_the_value(to: str) -> None:
    for of in ("float16", "float32", "uint8", "int8", "int32", "int64", "bool"):
        x = np.array([0, 1, 1, 0] if "bool" in (of, to) else [0, 1, 7, 100], of)
        y = ops.reference("cast")(x, dtype=to)
        assert y.dtype == to
        assert y.astype(np.int64).tolist() == x.astype(np.int64).tolist()


def test_what_does_not_fit() -> None:
    assert ops.reference("cast")(np.array([256 + 3, -1]), dtype="uint8").tolist() == [3, 255]  # the low bits
    assert ops.reference("cast")(np.array([0.5, 0.0, -2.0, math.nan]), dtype="bool").tolist() == [
        True,
        False,
        True,
        True,
    ]
    with np.errstate(all="raise"):
        assert ops.reference("cast")(np.array([1e6], np.float32), dtype="float16")[0] == math.inf
