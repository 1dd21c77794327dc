"""The integer matrices of Winograd convolution: those of real numbers, multiplied, and within 16 bits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinyinfer.kernels.quantized.winograd_transforms import INTEGERS


def product(factors: tuple[np.ndarray, ...]) -> np.ndarray:
    """The matrix that factors stand for."""
    whole = factors[0]
    for factor in factors[1:]:
        whole = whole @ factor
    return whole


@pytest.mark.parametrize("m", sorted(INTEGERS))
def test_results_are_a_convolution_times_the_unit(m: int, rng: np.random.Generator) -> None:
    own = INTEGERS[m]
    b, a = product(own.inputs), product(own.outputs)
    x, w = rng.integers(0, 256, (m + 2, m + 2)), rng.integers(-127, 128, (3, 3))
    found = a @ ((own.weights @ w @ own.weights.T) * (b @ x @ b.T)) @ a.T
    expected = [[(x[i : i + 3, j : j + 3] * w).sum() for j in range(m)] for i in range(m)]
    np.testing.assert_array_equal(found, own.unit * np.array(expected))


@pytest.mark.parametrize("m", sorted(INTEGERS))
def test_units_are_undone_modulo_32_bits(m: int) -> None:
    own = INTEGERS[m]
    for value in (-own.largest_sum, -1, 0, 1, 12345, own.largest_sum - 1):
        wrapped = value * own.unit * own.inverse % 2**32
        assert (wrapped - 2**32 * (wrapped >= 2**31)) >> own.shift == value


def largest(matrix: np.ndarray, low: int, high: int) -> int:
    """The largest distance from 0 of matrix @ x @ matrix.T for numbers from low to high."""
    ends = []
    for row, column, sign in itertools.product(matrix, matrix, (1, -1)):
        factors = np.outer(row, column)
        ends.append(abs(int((np.where(sign * factors > 0, high, low) * factors).sum())))
    return max(ends)


@pytest.mark.parametrize("m", sorted(INTEGERS))
def test_factors_and_their_sums_fit_16_bits(m: int) -> None:
    own = INTEGERS[m]
    assert largest(product(own.inputs), 0, 255) + largest(own.weights, -128, 128) < 2**15
