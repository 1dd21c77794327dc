"""Kernels that read or write other types than float32: what they compute is the reference's, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_harness import check_all, make_problem

from tinyinfer import kernels, ops
from tinyinfer.kernels.codegen.cpu import LANES

SPECIAL = [
    -np.inf,
    -3e38,
    -1e-40,
    -0.0,
    0.0,
    0.49999997,
    0.5,
    1.5,
    2.5,
    3.5,
    126.5,
    127.0,
    127.5,
    128.0,
    np.inf,
    np.nan,
]
LARGE = [254.5, 255.0, 255.5, 256.0, 2147483520.0, 2147483648.0, 4e9, 1e30]
X = np.array([*SPECIAL, *LARGE, *np.negative(SPECIAL), *np.negative(LARGE)], np.float32)[None]
DTYPES = ["int32", "uint8", "int8", "bool"]

shapes = st.one_of(
    st.tuples(st.integers(1, 2), st.integers(1, 40), st.integers(1, 9), st.integers(1, 9)),
    st.lists(st.integers(1, 9), max_size=4).map(tuple),
)
threads = st.sampled_from([1, 2])


def the_same(name: str, *arrays: np.ndarray, **attrs: Any) -> None:
    """Assert that kernel and reference agree in every bit."""
    with np.errstate(all="ignore"):
        expected = ops.reference(name)(*arrays, **attrs)
        found = kernels.call(f"{name}/vector", *arrays, **attrs)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_casts_saturate(dtype: str) -> None:
    the_same("cast", X, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_integers_as_floats(dtype: str) -> None:
    every = np.random.default_rng(0).integers(-(2**31), 2**31, (3, 999), dtype=np.int64).astype(np.int32)
    the_same("cast", (every > 0 if dtype == "bool" else every).astype(dtype), dtype="float32")


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 131), ("int8", -7)])
@pytest.mark.parametrize("scale", [1.0, 2.0, 0.017, 1e-20, 1e20])
def test_quantized_halves_and_ends(dtype: str, zero: int, scale: float) -> None:
    halves = np.arange(-600, 600, dtype=np.float32)[None] / 2 * np.float32(scale)
    for x in (X, halves):
        the_same("quantize_linear", x, scale=scale, zero_point=zero, dtype=dtype)


@pytest.mark.parametrize("scale", [1.0, 0.017, 1e-40, 3e38])
def test_all_quantized_numbers(scale: float) -> None:
    q = np.arange(256).astype(np.uint8)[None]
    the_same("dequantize_linear", q, scale=scale, zero_point=131)
    the_same("dequantize_linear", q.view(np.int8), scale=scale, zero_point=-11)
    sums = np.random.default_rng(0).integers(-(2**31), 2**31, (3, 99), dtype=np.int64).astype(np.int32)
    the_same("dequantize_linear", sums, scale=scale)


@given(shape=shapes, dtype=st.sampled_from(DTYPES), threads=threads)
def test_casts(shape, dtype, threads):
    assert check_all(ops.create("cast", {"dtype": dtype}), [shape], {}, threads, ["float32"]) == 1
    assert check_all(ops.create("cast", {"dtype": "float32"}), [shape], {}, threads, [dtype]) == 1


@given(
    n=st.integers(1, 2), c=st.integers(1, 40), size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    dtype=st.sampled_from(["uint8", "int8"]), threads=threads, data=st.data(),
)  # fmt: skip
def test_a_scale_for_each_channel_or_column(n, c, size, dtype, threads, data):
    for shape, axis in (((n, c, *size), 1), ((n, *size, c), -1), ((n, c), 1)):
        scale = data.draw(st.lists(st.floats(1e-3, 1.0), min_size=c, max_size=c))
        attrs = {"scale": scale, "zero_point": data.draw(st.lists(st.integers(0, 99), min_size=c, max_size=c))}
        quantize = ops.create("quantize_linear", {**attrs, "axis": axis, "dtype": dtype})
        assert check_all(quantize, [shape], {}, threads) == 1
        assert check_all(ops.create("dequantize_linear", {**attrs, "axis": axis}), [shape], {}, threads, [dtype]) == 1


def test_scales_along_another_dimension_are_the_references() -> None:
    (kernel,) = kernels.list("quantize_linear")
    op = ops.create("quantize_linear", {"scale": (0.5, 0.25), "axis": 0})
    assert not kernel.takes(make_problem(op, [(2, 3, 4, 5)], {}, 1))


COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_of_special_numbers(name: str) -> None:
    a, b = (grid.astype(np.float32) for grid in np.meshgrid(SPECIAL, SPECIAL))
    the_same(name, a, b)
    for number in SPECIAL:
        the_same(name, X, np.array(number, np.float32))
        the_same(name, np.array(number, np.float32), X)


@pytest.mark.parametrize("name", ["isnan", "isinf"])
def test_what_is_no_number(name: str) -> None:
    the_same(name, X)


@given(name=st.sampled_from(COMPARISONS), shape=shapes, single=st.sampled_from(["", "a", "b"]), threads=threads)
def test_comparisons(name, shape, single, threads):
    pair = [() if single == which else shape for which in "ab"]
    assert check_all(ops.create(name, {}), pair, {}, threads) == 1


@given(name=st.sampled_from(["logical_and", "logical_or", "logical_xor"]), shape=shapes, threads=threads)
def test_logic(name, shape, threads):
    assert check_all(ops.create(name, {}), [shape] * 2, {}, threads, ["bool"] * 2) == 1
    assert check_all(ops.create("logical_not", {}), [shape], {}, threads, ["bool"]) == 1


@given(shape=shapes, a=st.booleans(), b=st.booleans(), threads=threads)
def test_choices(shape, a, b, threads):
    inputs = [shape, () if a else shape, () if b else shape]
    assert check_all(ops.create("where", {}), inputs, {}, threads, ["bool", "float32", "float32"]) == 1


def test_threads_share_large_values() -> None:
    """Small ones are left to one thread."""
    shape = (1, 24, 40, 40)
    for name, attrs, inputs, dtypes in [
        ("cast", {"dtype": "int8"}, [shape], ["float32"]),
        ("quantize_linear", {"scale": [0.1] * 24, "zero_point": 3, "axis": 1}, [shape], ["float32"]),
        ("gt", {}, [shape, ()], ["float32"] * 2),
        ("where", {}, [shape] * 3, ["bool", "float32", "float32"]),
        ("argmax", {"dim": 1}, [shape], ["float32"]),
        ("argmax", {"dim": 2}, [(20, 30, 40)], ["float32"]),
    ]:
        assert check_all(ops.create(name, attrs), inputs, {}, 2, dtypes) == 1


@given(
    name=st.sampled_from(["argmax", "argmin"]), shape=st.lists(st.integers(1, 20), min_size=1, max_size=4).map(tuple),
    keepdim=st.booleans(), threads=threads, data=st.data(),
)  # fmt: skip
def test_places_of_extremes(name, shape, keepdim, threads, data):
    dim = data.draw(st.integers(0, len(shape) - 1))
    op = ops.create(name, {"dim": dim, "keepdim": keepdim})
    fills_lanes = int(np.prod(shape)) // shape[dim] >= LANES
    assert check_all(op, [shape], {}, threads) == fills_lanes


@pytest.mark.parametrize(("shape", "dim"), [((17, 3, 1), 1), ((5, 4, 2, 1, 1), 2), ((17, 2), 1), ((2, 9, 3, 1), 2)])
def test_extremes_in_front_of_dimensions_of_size_1(shape: tuple[int, ...], dim: int) -> None:
    for name in ("argmax", "argmin"):
        assert check_all(ops.create(name, {"dim": dim}), [shape], {}, 1) == 1


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dim", [1, 3])
def test_the_first_of_equal_extremes_and_of_nan(name: str, dim: int) -> None:
    x = np.random.default_rng(0).integers(0, 3, (2, 21, 9, 8)).astype(np.float32)
    x[:, ::4, 2, 3:5], x[:, 1::5, :, 1], x[0, 3] = np.nan, -np.inf, np.inf
    found = kernels.call(f"{name}/lanes", x, dim=dim)
    np.testing.assert_array_equal(found, ops.reference(name)(x, dim=dim))
