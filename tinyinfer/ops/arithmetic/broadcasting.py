"""NumPy's rule for operands of different shapes."""

from __future__ import annotations

from functools import reduce

from tinyinfer.dim import agreed, is_free
from tinyinfer.graph import Shape
from tinyinfer.ops.base import Types, require


def broadcast_shape(inputs: Types) -> Shape:
    """The shape that the inputs share once dimensions of size 1 are repeated; raises GraphError if there is none.

    Shapes are aligned at their last dimension, and missing first dimensions count as 1.
    """
    first = inputs[0].shape
    if all(t.shape == first for t in inputs) and not any(is_free(size) for t in inputs for size in t.shape):
        return first
    rank = max(len(t.shape) for t in inputs)
    shapes = [(*[1] * (rank - len(t.shape)), *t.shape) for t in inputs]
    for sizes in zip(*shapes, strict=True):
        fits = len(set(sizes) - {1}) <= 1
        require(fits, f"shapes {' and '.join(map(str, inputs))} do not broadcast")
    return tuple(reduce(_common, sizes) for sizes in zip(*shapes, strict=True))


def _common(a: int, b: int) -> int:
    """The size of two that broadcast: the other where one is 1 by nature, and not because the input is so small."""
    if a == b == 1:
        return a if is_free(a) else b
    return agreed(a, b) if a == b else b if a == 1 else a
