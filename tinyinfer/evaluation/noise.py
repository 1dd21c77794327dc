"""How far two networks that should compute the same are apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

FAINTEST = float(np.finfo(np.float64).tiny)


class SignalToNoise:
    """Energies of a truth and of the difference to it, added up array by array."""

    def __init__(self) -> None:
        self._signal = self._noise = 0.0

    def add(self, truth: np.ndarray, found: np.ndarray) -> None:
        """Take in an array and what was found in its place."""
        exact = truth.astype(np.float64)
        self._signal += float(np.sum(np.square(exact)))
        self._noise += float(np.sum(np.square(exact - found)))

    @property
    def decibels(self) -> float | None:
        """10 log10 of the one over the other; None where there is no difference."""
        return None if not self._noise else 10 * float(np.log10(max(self._signal, FAINTEST) / self._noise))


def decibels(truth: Iterable[np.ndarray], found: Iterable[np.ndarray]) -> float | None:
    """Signal-to-noise of some arrays together, in dB; None where there is no difference."""
    ratio = SignalToNoise()
    for a, b in zip(truth, found, strict=True):
        ratio.add(a, b)
    return ratio.decibels


def decibels_text(value: float | None) -> str:
    """As a table shows it."""
    return "-" if value is None else f"{value:.1f}"
