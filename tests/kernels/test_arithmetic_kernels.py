"""Kernels of arithmetic: what spreads over what, in either order, and numbers at the ends of the range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_harness import check_all

from tinyinfer import kernels, ops

BINARY = ["add", "sub", "mul", "div", "minimum", "maximum"]
CODES = {"a_scale": 0.02, "a_zero_point": 3, "b_scale": 0.07, "b_zero_point": 11, "scale": 0.09}
SPECIAL = [-np.inf, -3e38, -1e-40, -0.0, 0.0, 1.0, 3.5, np.inf, np.nan]


@pytest.mark.parametrize("name", BINARY)
@given(
    n=st.integers(1, 3), c=st.integers(1, 40), size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    swapped=st.booleans(), threads=st.sampled_from([1, 2]), data=st.data(),
)  # fmt: skip
def test_what_spreads_over_images_does_so_in_either_order(name, n, c, size, swapped, threads, data):
    x = (n, c, *size)
    b = data.draw(
        st.sampled_from([x, (n, c, 1, 1), (1, c, 1, 1), (c, 1, 1), (n, 1, *size), (1, *size), (), (1,), (1, 1, 1, 1)])
    )
    assert check_all(ops.create(name, {}), [b, x] if swapped else [x, b], {}, threads) == 1


@pytest.mark.parametrize("name", BINARY)
@given(
    outer=st.lists(st.integers(1, 3), max_size=4), d=st.integers(1, 40),
    ones=st.integers(0, 1), swapped=st.booleans(), single=st.booleans(),
)  # fmt: skip
def test_a_row_spreads_over_all_rows(name, outer, d, ones, swapped, single):
    x, b = (*outer, d), (*[1] * min(ones, len(outer)), 1 if single else d)
    assert check_all(ops.create(name, {}), [b, x] if swapped else [x, b], {}, threads=1) == 1


@pytest.mark.parametrize("name", BINARY)
@given(outer=st.integers(1, 4), part=st.lists(st.integers(1, 9), min_size=2, max_size=3), swapped=st.booleans())
def test_a_part_of_several_dimensions_spreads_over_all_parts(name, outer, part, swapped):
    x, b = (outer, *part), (1, *part)
    assert check_all(ops.create(name, {}), [b, x] if swapped else [x, b], {}, threads=2) == 1


@pytest.mark.parametrize("name", [*BINARY, "quantized_add"])
@given(outer=st.lists(st.integers(1, 9), min_size=1, max_size=4), d=st.integers(1, 40), swapped=st.booleans())
def test_a_number_of_each_row_spreads_over_it(name, outer, d, swapped):
    x, b = (*outer, d), (*outer, 1)
    attrs, dtypes = ({}, ("float32", "float32")) if name in BINARY else (CODES, ("uint8", "uint8"))
    assert check_all(ops.create(name, attrs), [b, x] if swapped else [x, b], {}, 2, dtypes) == 1


@pytest.mark.parametrize("name", BINARY)
def test_special_numbers_follow_the_reference(name: str) -> None:
    a, b = (grid.astype(np.float32).reshape(1, 9, 9, 1) for grid in np.meshgrid(SPECIAL, SPECIAL))
    np.testing.assert_array_equal(kernels.call(f"{name}/vector", a, b), ops.reference(name)(a, b))


@pytest.mark.parametrize("name", ["neg", "abs", "sqrt", "reciprocal", "exp"])
def test_functions_of_one_number_over_the_whole_range(name: str) -> None:
    x = np.array([*SPECIAL, *np.linspace(-120, 120, 481), *np.geomspace(1e-30, 1e30, 61)], np.float32)[None]
    found = kernels.call(f"{name}/vector", x)
    with np.errstate(over="ignore"):
        expected = ops.reference(name)(x.astype(np.float64)).astype(np.float32)
    normal = ~(np.abs(expected) < np.finfo(np.float32).tiny)  # what is smaller may become 0
    np.testing.assert_allclose(found[normal], expected[normal], rtol=1e-6)
    np.testing.assert_allclose(found[~normal], expected[~normal], atol=np.finfo(np.float32).tiny)


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "sign"])
def test_whole_numbers_are_the_references(name: str) -> None:
    x = np.array([*SPECIAL, *np.linspace(-4, 4, 33), 8388607.5, 8388609, 2**31, -(2.0**40)], np.float32)[None]
    np.testing.assert_array_equal(kernels.call(f"{name}/vector", x), ops.reference(name)(x))


def test_logarithms_over_the_whole_range() -> None:
    positive = [1e-45, 1e-40, 1.2e-38, *np.geomspace(1e-37, 3e38, 999), *np.linspace(0.5, 2, 999)]
    x = np.array([*SPECIAL, *positive], np.float32)
    with np.errstate(all="ignore"):
        expected = ops.reference("log")(x[None].astype(np.float64))
    np.testing.assert_allclose(kernels.call("log/vector", x[None]), expected, rtol=2e-7)


def test_the_error_function_over_the_whole_range() -> None:
    x = np.array([*SPECIAL, *np.linspace(-7, 7, 999)], np.float32)[None]
    expected = ops.reference("erf")(x.astype(np.float64))
    np.testing.assert_allclose(kernels.call("erf/vector", x), expected, atol=5e-7)


@given(beta=st.floats(0.1, 4), threshold=st.floats(1, 30))
def test_softplus(beta, threshold):
    assert check_all(ops.create("softplus", {"beta": beta, "threshold": threshold}), [(3, 41)], {}, 1) == 1


@pytest.mark.parametrize("attrs", [{"min": -1}, {"max": 0.5}, {"min": 2, "max": 1}])
def test_clamp(attrs: dict[str, float]) -> None:
    x = np.array([SPECIAL], np.float32)
    np.testing.assert_array_equal(kernels.call("clamp/vector", x, **attrs), ops.reference("clamp")(x, **attrs))


@given(n=st.integers(1, 3), c=st.integers(1, 40), h=st.integers(1, 9), w=st.integers(1, 9), keepdim=st.booleans())
def test_mean_over_images(n: int, c: int, h: int, w: int, keepdim: bool) -> None:
    for dim in ((2, 3), (-1, -2)):
        assert check_all(ops.create("mean", {"dim": dim, "keepdim": keepdim}), [(n, c, h, w)], {}, threads=2) == 1
