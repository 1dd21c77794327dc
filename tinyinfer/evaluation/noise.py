"""How far two networks that should compute the same are apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def decibels(truth: Iterable[np.ndarray], found: Iterable[np.ndarray]) -> float | None:
    """10 log10 of the energy of the truth over that of the difference; None where there is no difference."""
    signal = noise = 0.0
    for a, b in zip(truth, found, strict=True):
        exact = a.astype(np.float64)
        signal += float(np.sum(np.square(exact)))
        noise += float(np.sum(np.square(exact - b)))
    return None if not noise else 10 * float(np.log10(max(signal, np.finfo(np.float64).tiny) / noise))


def decibels_text(value: float | None) -> str:
    """As a table shows it."""
    return "-" if value is None else f"{value:.1f}"
