"""Probabilities and ranks from logits."""

from __future__ import annotations

import numpy as np

from tinyinfer.tasks.heads.probability import softmax as softmax


def ranking(logits: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k largest along the last axis, largest first; of equals, the lower index first."""
    return np.argsort(-np.asarray(logits), axis=-1, kind="stable")[..., :k]
