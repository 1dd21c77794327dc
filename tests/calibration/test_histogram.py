"""Histograms hold all that they were shown, whatever its order and size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tinyinfer.calibration.histogram import BINS, Histogram
from tinyinfer.errors import InputError

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
NUMBERS = arrays.arrays(np.float32, st.integers(1, 50), elements=FINITE)


def of(*batches: np.ndarray) -> Histogram:
    histogram = Histogram()
    for batch in batches:
        histogram.add(batch)
    return histogram


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_every_number_is_in_its_bin(batches: list[np.ndarray]) -> None:
    histogram, numbers = of(*batches), np.concatenate(batches).astype(np.float64)
    assert histogram.total == numbers.size
    assert histogram.zeros == np.count_nonzero(numbers == 0)
    assert (histogram.min, histogram.max) == (min(numbers.min(), 0), max(numbers.max(), 0))
    assert len(histogram.counts) <= BINS
    edges = histogram.centres[0] - histogram.width / 2 + histogram.width * np.arange(len(histogram.counts) + 1)
    expected, _ = np.histogram(numbers[numbers != 0], edges)
    if numbers.max() < edges[-1]:  # NumPy counts the last edge in
        np.testing.assert_array_equal(histogram.counts, expected)


@given(st.lists(NUMBERS, min_size=2, max_size=5))
def test_order_does_not_matter_and_merging_is_adding(batches: list[np.ndarray]) -> None:
    forth, back = of(*batches), of(*batches[::-1])
    merged = of(*batches[:1])
    merged.merge(of(*batches[1:]))
    for other in (back, merged):
        assert (other.width, other.zeros, other.min, other.max) == (forth.width, forth.zeros, forth.min, forth.max)
        np.testing.assert_array_equal(other.counts, forth.counts)
        np.testing.assert_array_equal(other.centres, forth.centres)


def test_it_is_fine_enough_for_8_bits(rng: np.random.Generator) -> None:
    histogram = of(rng.standard_normal(1000).astype(np.float32) * 1e-3, rng.uniform(-7, 9, 10).astype(np.float32))
    assert histogram.width <= (histogram.max - histogram.min) / 1024


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(bad: float) -> None:
    histogram = of(np.float32([1, 2]))
    with pytest.raises(InputError, match="expected finite numbers, found NaN or infinity"):
        histogram.add(np.float32([3, bad]))
    assert (histogram.total, histogram.max) == (2, 2)


def test_nothing_is_nothing() -> None:
    histogram = of(np.zeros((0, 3), np.float32))
    assert (histogram.total, histogram.min, histogram.max) == (0, 0, 0)
