"""What changes in the course of a run: the learning rate and the size of the pictures."""

from __future__ import annotations

import math

WARM_UP = 0.08  # share of the run
SMALL = 0.45  # share of the run that sees smaller pictures, at half the cost
SIZES = (24, 32)


def rate(peak: float, progress: float) -> float:
    """Learning rate when this share of the run is done: a linear warm-up, then half a cosine down to zero."""
    warm = min(progress / WARM_UP, 1.0)
    fall = max(progress - WARM_UP, 0.0) / (1 - WARM_UP)
    return peak * max(warm, 0.02) * 0.5 * (1 + math.cos(math.pi * fall))


def size(progress: float, small: float = SMALL) -> int:
    """Height and width of the pictures; the first ``small`` share of the run has little ones."""
    return SIZES[0] if progress < small else SIZES[1]
