"""Probabilities and ranks from logits, in float64, where nothing overflows."""

from __future__ import annotations

import numpy as np

ACTIVATIONS = ("none", "sigmoid", "softmax")


def activate(logits: np.ndarray, activation: str) -> np.ndarray:
    """Probabilities along the last axis; "none" for those that are some already."""
    if activation == "softmax":
        return softmax(logits)
    return sigmoid(logits) if activation == "sigmoid" else np.asarray(logits, np.float64)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, shifted by the maximum."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), as a hyperbolic tangent."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * np.asarray(logits, np.float64)))


def ranking(logits: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k largest along the last axis, largest first; of equals, the lower index first."""
    return np.argsort(-np.asarray(logits), axis=-1, kind="stable")[..., :k]
