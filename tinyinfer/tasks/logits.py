"""Probabilities and ranks from logits."""

from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis in float64, shifted by the maximum so that nothing overflows."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def ranking(logits: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k largest along the last axis, largest first; of equals, the lower index first."""
    return np.argsort(-np.asarray(logits), axis=-1, kind="stable")[..., :k]
