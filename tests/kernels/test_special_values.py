"""Activations of infinities, NaN, zeros and numbers far from zero, in kernels of their own and at the end of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from special_values import NUMBERS, TABLE

from tinyinfer import kernels
from tinyinfer.errors import InputError
from tinyinfer.kernels.arguments.epilogue import CLIPS, FUSED

OWN = [row for row in TABLE if kernels.list(row[0])]
FUSED_ROWS = [(name, values) for name, attrs, values in TABLE if name in FUSED and not attrs]
X = np.array(NUMBERS, np.float32)

# kernel sizes and groups by which every kernel of conv2d is reached that has an activation
CONVOLUTIONS = [(1, 1), (3, 1), (5, 1), (3, len(NUMBERS))]


@pytest.mark.parametrize(("name", "attrs", "expected"), OWN)
@pytest.mark.parametrize("repeats", [1, 3])  # 16 numbers, and whole vectors with some lanes more
def test_kernel_of_its_own(name: str, attrs: dict[str, Any], expected: tuple[float, ...], repeats: int) -> None:
    x = np.concatenate([np.tile(X, repeats), X[:5]])[None]
    found = kernels.call(f"{name}/vector", x, **attrs)[0]
    np.testing.assert_allclose(found, [*expected * repeats, *expected[:5]], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "expected"), FUSED_ROWS)
@pytest.mark.parametrize(("size", "groups"), CONVOLUTIONS)
def test_end_of_a_convolution(name: str, expected: tuple[float, ...], size: int, groups: int) -> None:
    """The bias alone makes the number, as infinity times a weight of 0 would be NaN."""
    x, weight = np.zeros((1, len(X), 9, 9), np.float32), np.ones((len(X), len(X) // groups, size, size), np.float32)
    applied = 0
    for kernel in kernels.list("conv2d"):
        try:
            y = kernels.call(kernel, x, weight, X, padding=size // 2, groups=groups, activation=name)
        except InputError:
            continue
        applied += 1
        wanted = np.broadcast_to(np.array(expected)[:, None, None], y[0].shape)
        np.testing.assert_allclose(y[0], wanted, rtol=1e-5, atol=1e-6, err_msg=kernel.name)
    assert applied


@pytest.mark.parametrize(("name", "expected"), FUSED_ROWS)
def test_end_of_a_linear_layer(name: str, expected: tuple[float, ...]) -> None:
    x, weight = np.zeros((1, 24), np.float32), np.ones((len(X), 24), np.float32)
    y = kernels.call(kernels.list("linear")[0], x, weight, X, activation=name)
    np.testing.assert_allclose(y[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "expected"), [row for row in FUSED_ROWS if row[0] in CLIPS])
def test_end_of_a_sum(name: str, expected: tuple[float, ...]) -> None:
    x = np.tile(X, 3)[None, :, None, None]
    y = kernels.call("add/vector", x, np.zeros_like(x), activation=name)
    np.testing.assert_allclose(y[0, :, 0, 0], expected * 3, rtol=1e-5, atol=1e-6)
