"""Histograms that grow with what they are shown, in memory that does not."""

from __future__ import annotations

import math

import numpy as np

from tinyinfer.errors import InputError

BINS = 4096  # at most: sixteen for a step of 8 bits
FINEST = -126  # exponent of the narrowest bins: float32 has no more digits below


class Histogram:
    """Counts of real numbers in bins of a width that is a power of two, with a border at 0.

    Where numbers come that would take more than `BINS` bins, neighbours are added up in pairs, which is exact: the
    result does not depend on the order in which numbers are shown.  Zeros, which ReLU makes many of and which 8 bits
    always hold exactly, are counted apart.
    """

    def __init__(self) -> None:
        self.min, self.max = 0.0, 0.0
        self.zeros = 0
        self._exponent = FINEST
        self._first = 0  # index of the first bin: it begins at first * width
        self._counts = np.zeros(0, np.int64)

    @property
    def width(self) -> float:
        """Of a bin."""
        return math.ldexp(1.0, self._exponent)

    @property
    def counts(self) -> np.ndarray:
        """Numbers other than 0 in each bin, from the one that holds the smallest on."""
        return self._counts

    @property
    def centres(self) -> np.ndarray:
        """The middle of each bin."""
        return (self._first + np.arange(len(self._counts)) + 0.5) * self.width

    @property
    def total(self) -> int:
        """How many numbers were shown, zeros taken in."""
        return int(self._counts.sum()) + self.zeros

    def add(self, x: np.ndarray) -> None:
        """Count the elements of an array.  Raises InputError for NaN and infinities."""
        values = x.reshape(-1)
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InputError("expected finite numbers, found NaN or infinity")
        self.min, self.max = min(self.min, low), max(self.max, high)
        self._make_room(low, high)
        found = np.bincount(self._bins(values) - self._first, minlength=len(self._counts))
        zeros = values.size - int(np.count_nonzero(values))
        found[-self._first] -= zeros
        self.zeros += zeros
        self._counts += found

    def merge(self, other: Histogram) -> None:
        """Count what another histogram has counted."""
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        self.zeros += other.zeros
        self._make_room(other.min, other.max)
        if len(other._counts):
            at = np.floor(other.centres / self.width).astype(np.int64) - self._first
            np.add.at(self._counts, at, other._counts)

    def _bins(self, values: np.ndarray) -> np.ndarray:
        """Indices of bins, counted from the one that begins at 0."""
        scaled = np.multiply(values, math.ldexp(1.0, -self._exponent), dtype=np.float64)
        return np.asarray(np.floor(scaled, out=scaled).astype(np.int64))

    def _make_room(self, low: float, high: float) -> None:
        """Widen the bins, and add some at the ends, until there are bins for 0 and for all between these numbers."""
        last = self._first + len(self._counts) - 1
        while True:
            first = min(self._first, math.floor(low / self.width), 0)
            last = max(last, math.floor(high / self.width), 0)
            if last - first < BINS:
                break
            steps = max(1, math.ceil(math.log2((last - first + 1) / BINS)))
            self._widen(steps)
            last = self._first + len(self._counts) - 1
        grown = np.zeros(last - first + 1, np.int64)
        grown[self._first - first : self._first - first + len(self._counts)] = self._counts
        self._counts, self._first = grown, first

    def _widen(self, steps: int) -> None:
        """Make bins 2^steps as wide."""
        self._exponent += steps
        if not len(self._counts):
            self._first >>= steps
            return
        index = (self._first + np.arange(len(self._counts))) >> steps
        self._first = int(index[0])
        merged = np.zeros(int(index[-1]) - self._first + 1, np.int64)
        np.add.at(merged, index - self._first, self._counts)
        self._counts = merged
