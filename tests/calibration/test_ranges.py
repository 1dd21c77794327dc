"""What each method makes of distributions whose best range is known."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer.calibration import METHODS, Calibration, Histogram, find_range
from tinyinfer.errors import InputError


def shown(numbers: np.ndarray) -> Histogram:
    histogram = Histogram()
    histogram.add(np.asarray(numbers, np.float32))
    return histogram


def squared_error(numbers: np.ndarray, low: float, high: float) -> float:
    """Of numbers brought to 8 bits and back."""
    scale = (high - low) / 255
    zero = np.rint(-low / scale)
    return float(np.mean((numbers - scale * (np.clip(np.rint(numbers / scale) + zero, 0, 255) - zero)) ** 2))


@pytest.mark.parametrize("method", METHODS)
def test_zero_is_within_and_nothing_that_was_never_seen(method: str, rng: np.random.Generator) -> None:
    for numbers in (rng.uniform(2, 9, 999), rng.uniform(-9, -2, 999), rng.standard_normal(999), np.float32([-3.0])):
        low, high = find_range(shown(numbers), method)
        assert min(numbers.min(), 0) - 1e-6 <= low <= 0 <= high <= max(numbers.max(), 0) + 1e-6
        assert low < high


@pytest.mark.parametrize("method", METHODS)
def test_of_zeros_nothing_is_known(method: str) -> None:
    assert find_range(shown(np.zeros(9)), method) == (0, 0)


def test_minmax_covers_all(rng: np.random.Generator) -> None:
    numbers = rng.standard_normal(10_000).astype(np.float32)
    assert find_range(shown(numbers), "minmax") == (numbers.min(), numbers.max())


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_a_few_far_numbers_do_not_stretch_the_range(method: str, rng: np.random.Generator) -> None:
    numbers = np.append(rng.standard_normal(1_000_000), [60.0, -70.0])
    low, high = find_range(shown(numbers), method)
    far = 0.3 if method == "entropy" else 0.2  # whose ends shrink together, to a quarter at most
    assert -70 * far < low < -2
    assert 2 < high < 60 * far


@pytest.mark.parametrize("side", [-1, 1])
def test_mse_is_the_range_of_least_error(side: int, rng: np.random.Generator) -> None:
    numbers = np.where(rng.random(20_000) < 0.5, 0, side * rng.exponential(1.0, 20_000) ** 2) + 0.0
    low, high = find_range(shown(numbers), "mse")
    found = squared_error(numbers, low, high)
    best = min(squared_error(numbers, low * s, high * s) for s in np.linspace(0.2, 1.5, 60))
    assert found < 1.05 * best
    assert found <= squared_error(numbers, min(numbers.min(), 0), max(numbers.max(), 0))


def test_mse_clips_what_is_rare_and_not_too_far(rng: np.random.Generator) -> None:
    numbers = np.append(rng.standard_normal(1_000_000), [40.0, -30.0])
    low, high = find_range(shown(numbers), "mse")
    assert -25 < low < -4
    assert 4 < high < 25
    assert squared_error(numbers, low, high) < 0.6 * squared_error(numbers, -30, 40)


def test_percentile_gives_up_ties_together() -> None:
    numbers = np.repeat(np.float32([0, 1, 5]), [10, 400_000, 400_000])
    assert find_range(shown(numbers), "percentile") == (0, 5)


def test_unknown_methods_and_values_are_named() -> None:
    with pytest.raises(InputError, match="method: expected one of minmax, percentile, mse, entropy, found 'best'"):
        find_range(shown(np.ones(1)), "best")
    with pytest.raises(InputError, match="it has not seen the value 'conv9'"):
        Calibration({}, 1).range_of("conv9")
    with pytest.raises(InputError, match="expected at least one picture, found none"):
        Calibration({}, 0)
