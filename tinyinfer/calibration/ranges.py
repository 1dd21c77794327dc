"""The range of real numbers that 8 bits should cover: what lies beyond is clipped, what lies within is rounded.

A wider range clips less and rounds coarser.  All methods see a histogram, keep 0 within the range (it has to be exact,
as borders are padded with it) and give (lowest, highest).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tinyinfer.calibration.histogram import Histogram
from tinyinfer.errors import InputError

Range = tuple[float, float]

STEPS = 255  # between the smallest and the largest code
TAIL = 5e-6  # share of the numbers that "percentile" gives up at either end
CANDIDATES = 128  # ends of ranges that are tried, on either side


def minmax(histogram: Histogram) -> Range:
    """All that was seen."""
    return histogram.min, histogram.max


def percentile(histogram: Histogram) -> Range:
    """All but a few of the smallest and of the largest."""
    counts = histogram.counts.copy()
    zero = int(np.searchsorted(histogram.centres, 0))
    counts[zero] += histogram.zeros
    below = np.cumsum(counts) / counts.sum()
    lowest = int(np.searchsorted(below, TAIL, side="right"))
    highest = int(np.searchsorted(below, 1 - TAIL))
    return _within(histogram, _edge(histogram, lowest), _edge(histogram, highest + 1))


def mean_squared_error(histogram: Histogram) -> Range:
    """The range with the least expected square of the error, clipping and rounding together.

    A rounded number is off by step^2 / 12 in the mean of squares; what is clipped is off by its distance to the range
    (Banner et al. 2019, "Post training 4-bit quantization of convolutional networks for rapid-deployment", section 3).
    Zeros are never off.
    """
    counts, centres = histogram.counts.astype(np.float64), histogram.centres
    lows, highs = _ends(histogram)
    # sums over the bins up to each: how many, their first and their second moments
    moments = np.array([np.cumsum(counts * centres**k) for k in range(3)])
    below = _up_to(moments, centres, lows)
    above = moments[:, -1:] - _up_to(moments, centres, highs)
    clipped_low = below[2] - 2 * lows * below[1] + lows**2 * below[0]
    clipped_high = above[2] - 2 * highs * above[1] + highs**2 * above[0]
    within = counts.sum() - below[0][:, None] - above[0][None, :]
    step = (highs[None, :] - lows[:, None]) / STEPS
    error = clipped_low[:, None] + clipped_high[None, :] + within * step**2 / 12
    best = np.unravel_index(int(np.argmin(error)), error.shape)
    return float(lows[best[0]]), float(highs[best[1]])


def entropy(histogram: Histogram) -> Range:
    """The range that keeps most information: the least divergence of the distribution in 8 bits from that in full.

    Both ends shrink by one factor (Migacz 2017, "8-bit inference with TensorRT").
    """
    counts, centres = histogram.counts.astype(np.float64), histogram.centres
    best, found = np.inf, minmax(histogram)
    for share in np.linspace(1, 0.25, CANDIDATES):
        low, high = histogram.min * share, histogram.max * share
        divergence = _divergence(counts, centres, low, high)
        if divergence < best:
            best, found = divergence, (low, high)
    return found


METHODS: Mapping[str, Callable[[Histogram], Range]] = {
    "minmax": minmax,
    "percentile": percentile,
    "mse": mean_squared_error,
    "entropy": entropy,
}
"""Ways to choose a range, by name."""

DEFAULT_METHOD = "mse"


def find_range(histogram: Histogram, method: str = DEFAULT_METHOD) -> Range:
    """The range that a method chooses; (0, 0) where nothing but zeros was seen.  Raises InputError for other names."""
    if method not in METHODS:
        raise InputError(f"method: expected one of {', '.join(METHODS)}, found {method!r}")
    if histogram.min == histogram.max == 0:
        return 0.0, 0.0
    return METHODS[method](histogram)


def _edge(histogram: Histogram, index: int) -> float:
    """Where a bin begins."""
    return float(histogram.centres[0] + (index - 0.5) * histogram.width)


def _within(histogram: Histogram, low: float, high: float) -> Range:
    """No wider than what was seen, and with 0."""
    return min(max(low, histogram.min), 0.0), max(min(high, histogram.max), 0.0)


def _ends(histogram: Histogram) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest numbers of the ranges that are tried."""
    shares = np.arange(1, CANDIDATES + 1) / CANDIDATES
    lows = histogram.min * shares if histogram.min < 0 else np.zeros(1)
    highs = histogram.max * shares if histogram.max > 0 else np.zeros(1)
    return lows, highs


def _up_to(moments: np.ndarray, centres: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The moments of all bins whose centres lie below each of the ends."""
    padded = np.concatenate([np.zeros((len(moments), 1)), moments], axis=1)
    return np.asarray(padded[:, np.searchsorted(centres, ends)])


def _divergence(counts: np.ndarray, centres: np.ndarray, low: float, high: float) -> float:
    """Kullback and Leibler's, of what is left of a distribution in 256 codes from the clipped one itself."""
    inside = (centres >= low) & (centres <= high)
    kept = counts[inside]
    if not kept.sum():
        return np.inf
    clipped = kept.copy()
    clipped[0] += counts[centres < low].sum()
    clipped[-1] += counts[centres > high].sum()
    codes = np.minimum((centres[inside] - low) * ((STEPS + 1) / (high - low)), STEPS).astype(np.int64)
    filled = kept > 0
    sums = np.bincount(codes, weights=kept, minlength=STEPS + 1)
    sharing = np.bincount(codes, weights=filled, minlength=STEPS + 1)
    spread = np.where(filled, sums[codes] / np.maximum(sharing[codes], 1), 0)
    p, q = clipped / clipped.sum(), spread / spread.sum()
    both = (p > 0) & (q > 0)
    lost = p[(p > 0) & (q == 0)].sum()
    return float(np.sum(p[both] * np.log(p[both] / q[both])) + lost * np.log(1e6))
