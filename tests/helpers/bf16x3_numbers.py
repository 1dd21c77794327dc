"""Products of bfloat16 halves in NumPy: what AMX tiles compute, but for the rounding of sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyinfer.kernels.matmul.bf16x3 import split_numbers


def halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The high and the low half of each number, in float64."""
    high, low = split_numbers(x)
    return high.astype(np.float64), low.astype(np.float64)


def as_float(words: np.ndarray) -> np.ndarray:
    """What bfloat16 bits stand for, in float64."""
    return (words.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def three_products(a: np.ndarray, w: np.ndarray, product: Callable[..., Any] = np.matmul) -> np.ndarray:
    """The product as the tiles compute it, but for the rounding of sums."""
    (a_high, a_low), (w_high, w_low) = (halves(x) for x in (a, w))
    return np.asarray(product(a_high, w_low) + product(a_high, w_high) + product(a_low, w_high))
